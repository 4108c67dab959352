select * from {{ ref('joined') }}
