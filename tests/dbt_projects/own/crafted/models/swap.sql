{{ config(materialized='swapped') }}
select {{ var('run') }} as run
