{% snapshot until_later %}
{{ config(strategy='timestamp', updated_at='changed', dbt_valid_to_current="cast('9999-12-31' as timestamp)") }}
select * from {{ rows_of_the_day() }}
{% endsnapshot %}
