{{ config(materialized='table') }}

select
    stores.store_id,
    stores.name as store_name,
    count(*) as orders,
    {{ money('sum(orders.total)') }} as gross,
    {{ money('sum(orders.total - orders.refunded)') }} as revenue
from {{ ref('fct_orders') }} as orders
join {{ ref('order_statuses') }} as statuses on statuses.status = orders.status and statuses.counts_as_revenue
join {{ source('files', 'stores') }} as stores on stores.store_id = orders.store_id
group by stores.store_id, stores.name
order by revenue desc
