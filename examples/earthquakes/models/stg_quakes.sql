select
    id as quake_id,
    epoch_ms(properties__time) as happened_at,
    epoch_ms(properties__updated) as updated_at,
    properties__mag as magnitude,
    properties__place as place,
    case split_part(properties__place, ', ', -1)
        when 'CA' then 'California'
        else split_part(properties__place, ', ', -1)
    end as region,
    properties__status as status,
    properties__net as network,
    cast(geometry__coordinates ->> 0 as double precision) as longitude,
    cast(geometry__coordinates ->> 1 as double precision) as latitude,
    cast(geometry__coordinates ->> 2 as double precision) as depth_km
from {{ source('usgs', 'events') }}
where properties__type = 'earthquake'
