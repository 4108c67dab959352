{{ config(location='out/no_format.xml', format='xml') }}
select 1 as id
