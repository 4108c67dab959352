select id, cast('2026-01-01' as timestamp) as loaded_at from {{ ref('given') }} where {{ "id" | as_text }} > 0
