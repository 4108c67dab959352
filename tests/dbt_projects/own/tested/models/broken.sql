select * from {{ ref("people") }} where no_such_column = 1
