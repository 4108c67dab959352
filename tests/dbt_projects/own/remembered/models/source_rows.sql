{{ config(materialized='ephemeral') }}
select * from {{ rows_of_the_day() }}
