{{ config(location='out/kept', options={'partition_by': 'currency'}) }}
select * from {{ source('raw', 'orders') }}
