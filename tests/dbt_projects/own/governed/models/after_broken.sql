select * from {{ ref('broken_promise') }}
