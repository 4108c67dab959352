{{ config(materialized='table', pre_hook=["{{ note('pre', this.identifier) }}", {"sql": "insert into {{ target.schema }}.hooked values ('outside', 'summed')", "transaction": true}], post_hook="update {{ this }} set total = total + 1 where id = 1") }}
with joined as (select * from {{ ref('doubled') }} union all select * from {{ ref('tripled') }})
select id, sum(amount) as total from joined group by id
