select
    customer_id,
    email_hash,
    city,
    tier
from {{ source('api', 'customers') }}
where not deleted
