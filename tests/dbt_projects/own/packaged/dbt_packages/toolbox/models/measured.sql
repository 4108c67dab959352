select amount * {{ var('factor') }} as amount, '{{ var("unit") }}' as unit from {{ ref('amounts') }}
