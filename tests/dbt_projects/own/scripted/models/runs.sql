{{ config(materialized='table') }} select {{ var('run') }} as run
