-- An order's total is the sum of its lines. A test passes when its query finds no row.
select
    orders.order_id,
    orders.total,
    sum(items.amount) as lines
from {{ ref('stg_orders') }} as orders
join {{ ref('stg_items') }} as items on items.order_id = orders.order_id
group by orders.order_id, orders.total
having orders.total <> sum(items.amount)
