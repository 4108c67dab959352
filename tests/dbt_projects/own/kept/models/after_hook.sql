select * from {{ ref('fails_in_hook') }}
