{{ config(materialized='table') }}

select
    products.product_id,
    products.name as product_name,
    products.category,
    sum(items.quantity) as pieces,
    {{ money('sum(items.amount)') }} as amount
from {{ ref('stg_items') }} as items
join {{ source('reference', 'products') }} as products on products.product_id = items.product_id
group by products.product_id, products.name, products.category
