{{ config(materialized='ephemeral', meta={'level': 2, 'extra': true}) }}
select * from {{ source('shop', 'customers') }}
