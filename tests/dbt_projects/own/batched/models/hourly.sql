{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='seen', batch_size='hour', begin='2026-01-01') }}
select id, seen, '{{ model.batch.id if model.batch }}' as batch from {{ ref('events') }}
