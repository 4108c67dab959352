{{ config(location='nowhere/no_folder.parquet') }}
select 1 as id
