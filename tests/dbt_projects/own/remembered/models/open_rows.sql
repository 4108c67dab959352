select id, word from {{ ref('by_time') }} where dbt_valid_to is null
