{{ config(incremental_strategy='delete+insert', unique_key='id') }}
select 1 as id, cast('run {{ var("run") }}' as varchar) as word
