select id, day from {{ ref('events') }} where day = {{ var('day') }}
