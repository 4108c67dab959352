select * from {{ ref('short_log') }}
