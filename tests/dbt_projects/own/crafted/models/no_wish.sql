{{ config(materialized='logbook') }}
select 1 as id
