select quake_id, happened_at, updated_at
from {{ ref('stg_quakes') }}
where updated_at < happened_at
