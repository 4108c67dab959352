{{ config(materialized='table') }}

select
    flights.origin,
    airports.airport_name,
    case
        when weather.origin is null then 'unknown'
        when weather.visib < 3 then 'poor'
        when weather.precip > 0 then 'wet'
        else 'fair'
    end as conditions,
    count(*) as flights,
    sum(case when flights.cancelled then 1 else 0 end) as cancelled,
    sum(flights.dep_delay) as minutes_late
from {{ ref('stg_flights') }} as flights
join {{ ref('stg_airports') }} as airports on airports.airport = flights.origin
left join {{ ref('stg_weather') }} as weather
    on weather.origin = flights.origin and weather.time_hour = flights.time_hour
group by 1, 2, 3
