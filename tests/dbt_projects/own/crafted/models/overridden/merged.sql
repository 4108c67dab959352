{{ config(incremental_strategy='merge', unique_key='id') }}
select 1 as id, 'run {{ var("run") }}' as word, '{{ is_incremental() }}' as grown
