{% snapshot new_record %}
{{ config(strategy='timestamp', updated_at='changed', hard_deletes='new_record') }}
select * from {{ rows_of_the_day() }}
{% endsnapshot %}
