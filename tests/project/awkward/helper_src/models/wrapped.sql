{{ config(materialized='view', tags=['inline']) }} select * from {{ ref('shared') }} join {{ ref('helper_seed') }} using (a) where a in (select a from {{ source('outside', 'things') }})
