{{ config(materialized='incremental', unique_key='order_id') }}

select
    orders.order_id,
    orders.customer_id,
    orders.store_id,
    orders.status,
    orders.total,
    {{ money('coalesce(refunds.refunded, 0)') }} as refunded,
    orders.ordered_on,
    orders.updated_at
from {{ ref('stg_orders') }} as orders
left join {{ ref('stg_refunds') }} as refunds on refunds.order_id = orders.order_id
{% if is_incremental() %}
where orders.updated_at >= (select max(updated_at) from {{ this }})
{% endif %}
