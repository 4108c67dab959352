{% snapshot kept %}
{{ config(unique_key='id', strategy='check', check_cols='all', tags=['stage']) }}
select * from {{ ref('stg_a') }}
{% endsnapshot %}
