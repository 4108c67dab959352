{{ config(materialized="view") }} select * from {{ ref("summed") }} where total > 0
