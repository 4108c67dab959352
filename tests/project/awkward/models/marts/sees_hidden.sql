{{ config(group='sales') }} select * from {{ ref('hidden') }}
