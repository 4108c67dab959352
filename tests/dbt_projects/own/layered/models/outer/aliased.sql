{{ config(alias="other_name", schema="elsewhere", materialized="table") }} select * from {{ ref("doubled") }}
