{{ config(materialized='table') }}

with refunded as (
    select order_id, sum(amount) as amount
    from {{ ref('stg_refunds') }}
    group by order_id
)

select
    stores.store_id,
    stores.name as store_name,
    orders.ordered_on,
    count(*) as orders,
    {{ money('sum(orders.total)') }} as gross,
    {{ money('sum(orders.total) - sum(coalesce(refunded.amount, 0))') }} as revenue
from {{ ref('stg_orders') }} as orders
join {{ ref('order_statuses') }} as statuses on statuses.status = orders.status and statuses.counts_as_revenue
join {{ source('reference', 'stores') }} as stores on stores.store_id = orders.store_id
left join refunded on refunded.order_id = orders.order_id
group by stores.store_id, stores.name, orders.ordered_on
