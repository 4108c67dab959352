select
    order_id,
    sum(amount) as refunded
from {{ source('api', 'refunds') }}
group by order_id
