{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='seen', batch_size='day', begin='2026-01-01') }}
select id, seen from {{ ref('events') }}
