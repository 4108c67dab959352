{% snapshot by_time %}
{{ config(strategy='timestamp', updated_at='changed') }}
select * from {{ rows_of_the_day() }}
{% endsnapshot %}
