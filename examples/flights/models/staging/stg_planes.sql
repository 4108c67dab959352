select tailnum, year as built, manufacturer, model, engines, seats
from {{ source('nyc', 'planes') }}
