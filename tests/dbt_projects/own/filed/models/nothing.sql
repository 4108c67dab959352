{{ config(options={'compression': 'zstd'}) }}
select * from {{ ref('one_place') }} where id < 0
