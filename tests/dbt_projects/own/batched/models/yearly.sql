{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='seen', batch_size='year', begin='2025-01-01') }}
select id, seen, '{{ model.batch.id if model.batch }}' as batch, '{{ model.batch.event_time_start if model.batch }}' as starts from {{ ref('events') }}
