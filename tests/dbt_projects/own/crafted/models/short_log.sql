{{ config(materialized='logbook', wanted=9) }}
select 1 as id
