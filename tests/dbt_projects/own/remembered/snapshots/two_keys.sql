{% snapshot two_keys %}
{{ config(strategy='timestamp', updated_at='changed', unique_key=['id', 'word']) }}
select * from {{ rows_of_the_day() }}
{% endsnapshot %}
