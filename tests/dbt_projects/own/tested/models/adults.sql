select * from {{ ref("people") }} where age >= 18
