select marts.mart, marts.flights
from (
    select 'punctuality' as mart, sum(flights) as flights from {{ ref('punctuality') }}
    union all
    select 'weather_delays' as mart, sum(flights) as flights from {{ ref('weather_delays') }}
) as marts
where marts.flights <> (select count(*) from {{ ref('stg_flights') }})
