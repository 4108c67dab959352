{{ config(materialized='nothing') }}
select nonsense from nowhere
