select amount, '{{ toolbox.greeting("you") }}' as greeting, '{{ toolbox.unit() }}' as unit, '{{ var("shared") }}' as shared,
    {{ toolbox.doubled('amount') }} as doubled
from {{ ref('toolbox', 'measured') }}
