{% snapshot renamed %}
{{ config(strategy='timestamp', updated_at='changed', snapshot_meta_column_names={'dbt_valid_from': 'began', 'dbt_valid_to': 'ended', 'dbt_scd_id': 'version_id', 'dbt_updated_at': 'seen'}) }}
select * from {{ rows_of_the_day() }}
{% endsnapshot %}
