{% snapshot by_columns %}
{{ config(strategy='check', check_cols=['word']) }}
select * from {{ rows_of_the_day() }}
{% endsnapshot %}
