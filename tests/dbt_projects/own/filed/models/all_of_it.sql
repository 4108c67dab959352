{{ config(materialized='table') }}
select 'parted' as what, count(*) as n from {{ ref('parted') }}
union all select 'packed', count(*) from {{ ref('packed') }}
union all select 'nothing', count(*) from {{ ref('nothing') }}
union all select 'people', count(*) from {{ source('told_by_tree', 'people') }}
union all select 'columns', {{ adapter.get_columns_in_relation(source('raw', 'orders')) | length if execute else 0 }}
