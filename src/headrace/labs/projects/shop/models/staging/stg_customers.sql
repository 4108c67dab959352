select
    customer_id,
    name as customer_name,
    city,
    tier
from {{ source('till', 'customers') }}
where not deleted
