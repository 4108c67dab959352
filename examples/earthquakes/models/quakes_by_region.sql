{{ config(materialized='table') }}

select
    region,
    {{ magnitude_class('magnitude') }} as magnitude_class,
    count(*) as quakes,
    max(magnitude) as strongest,
    sum(case when status = 'reviewed' then 1 else 0 end) as reviewed
from {{ ref('stg_quakes') }}
group by 1, 2
