select p.id::bigint as id, p.name from {{ source('old', 'people') }} as p
join {{ source('raw', 'by_call') }} as c on c.id = p.id::varchar
