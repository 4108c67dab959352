{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='seen', batch_size='day', begin='2026-01-01') }}
select id, seen{% if model.batch and model.batch.id in var('breaks') and model.batch.id != '20260101' %}, no_such_column{% endif %} from {{ ref('events') }}
