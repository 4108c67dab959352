select guessed.whole, typed.code, semicolons.b from {{ ref("guessed") }} as guessed cross join {{ ref("typed") }} as typed join {{ ref("semicolons") }} as semicolons on semicolons.a = guessed.whole
