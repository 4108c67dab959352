{% snapshot invalidated %}
{{ config(strategy='timestamp', updated_at='changed', hard_deletes='invalidate') }}
select * from {{ rows_of_the_day() }}
{% endsnapshot %}
