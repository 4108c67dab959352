{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='seen', batch_size='day', lookback=1,
    begin=(run_started_at - modules.datetime.timedelta(days=3)).strftime('%Y-%m-%d')) }}
{% set now = run_started_at.strftime('%Y-%m-%d') %}
{% for days in range(5) %}
select {{ days }} as days_ago, {{ var('run') }} as run, cast('{{ (run_started_at - modules.datetime.timedelta(days=days)).strftime('%Y-%m-%d %H:%M:%S') }}' as timestamp) as seen
{% if not loop.last %}union all{% endif %}
{% endfor %}
