{{ config(incremental_strategy='doubling') }}
select {{ var('run') }} as run
