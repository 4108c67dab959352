{{ config(severity='warn', tags=['slow']) }}
select * from {{ ref('people') }} where age > 40
