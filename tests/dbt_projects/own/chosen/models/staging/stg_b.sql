select 2 as id from {{ source('outside', 'raw') }} limit 0
