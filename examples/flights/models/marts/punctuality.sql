{{ config(materialized='table') }}

select
    flights.carrier,
    airlines.airline,
    count(*) as flights,
    sum(case when flights.cancelled then 1 else 0 end) as cancelled,
    count(flights.arr_delay) as arrived,
    sum(flights.arr_delay) as minutes_late,
    sum(case when flights.arr_delay > 15 then 1 else 0 end) as late
from {{ ref('stg_flights') }} as flights
join {{ ref('stg_airlines') }} as airlines on airlines.carrier = flights.carrier
group by flights.carrier, airlines.airline
