select
    order_id,
    customer_id,
    store_id,
    status,
    total,
    cast(ordered_at as date) as ordered_on,
    updated_at
from {{ source('till', 'orders') }}
