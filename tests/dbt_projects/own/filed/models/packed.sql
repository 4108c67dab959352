{{ config(location="{{ var('folder') }}/packed.csv.gz") }}
select * from {{ ref('agreed') }}
