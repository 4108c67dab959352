select
    carrier || '-' || flight || '-' || year || '-' || month || '-' || day || '-' || sched_dep_time as flight_id,
    make_date(cast(year as integer), cast(month as integer), cast(day as integer)) as flown_on,
    time_hour,
    carrier,
    tailnum,
    origin,
    dest,
    distance,
    dep_delay,
    arr_delay,
    air_time,
    dep_time is null as cancelled
from {{ source('nyc', 'flights') }}
