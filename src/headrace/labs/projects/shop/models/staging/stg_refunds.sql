select
    refund_id,
    order_id,
    amount,
    reason
from {{ source('till', 'refunds') }}
