{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='seen', batch_size='day', begin='2026-01-01', lookback=2,
    pre_hook="insert into {{ target.schema }}.hooked values ('before', '{{ model.name }}')",
    post_hook="insert into {{ target.schema }}.hooked select 'after', count(*) || ' rows' from {{ this }}") }}
{% set batch = model.batch.id if model.batch else '' %}
select id, seen, amount, '{{ batch }}' as batch, '{{ is_incremental() }}' as grown,
    (select count(*) from {{ ref('plain') }}) as plain_rows, (select count(*) from {{ ref('events').render() }}) as all_rows
from {{ ref('events') }}
