select
    item_id,
    order_id,
    product_id,
    quantity,
    price,
    {{ money('quantity * price') }} as amount
from {{ source('till', 'items') }}
