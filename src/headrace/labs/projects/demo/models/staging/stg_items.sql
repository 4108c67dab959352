select
    item_id,
    order_id,
    product_id,
    quantity,
    {{ money('quantity * price') }} as amount
from {{ source('api', 'items') }}
