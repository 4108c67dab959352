{{ config(location='out/nested.json', json_read_options={'auto_detect': true, 'format': 'auto'}) }}
select * from {{ source('raw', 'events') }}
