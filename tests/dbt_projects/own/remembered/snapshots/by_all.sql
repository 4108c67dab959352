{% snapshot by_all %}
{{ config(strategy='check', check_cols='all') }}
select * from {{ rows_of_the_day() }}
{% endsnapshot %}
