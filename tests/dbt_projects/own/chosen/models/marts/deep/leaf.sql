select * from {{ ref('summed') }}
