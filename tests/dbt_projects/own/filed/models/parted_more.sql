{{ config(location='out/parted_more', format='csv', options={'partition_by': 'currency', 'overwrite_or_ignore': true}) }}
select * from {{ source('old', 'orders') }}
