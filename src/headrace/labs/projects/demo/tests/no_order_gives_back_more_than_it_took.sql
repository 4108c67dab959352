select order_id, total, refunded
from {{ ref('fct_orders') }}
where refunded > total
