select * from {{ ref('governed', 'people', version=3) }}
