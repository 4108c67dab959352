with numbers as (select 1 as one, cast('2026-02-03' as date) as day, 'a-b-c' as word)
select
    cast({{ dbt.dateadd('day', 3, 'day') }} as date) as later,
    cast({{ dbt.dateadd('month', -1, 'day') }} as date) as earlier,
    {{ dbt.datediff("cast('2026-01-01' as date)", 'day', 'day') }} as days,
    {{ dbt.datediff("cast('2024-12-31' as date)", 'day', 'year') }} as years,
    cast({{ dbt.date_trunc('month', 'day') }} as date) as month,
    cast({{ dbt.last_day('day', 'month') }} as date) as last_day,
    {{ dbt.concat(['word', "'!'"]) }} as joined,
    {{ dbt.split_part('word', "'-'", 2) }} as part,
    {{ dbt.replace('word', "'-'", "'+'") }} as replaced,
    {{ dbt.right('word', 1) }} as ending,
    {{ dbt.length('word') }} as size,
    {{ dbt.position("'b'", 'word') }} as place,
    {{ dbt.hash('word') }} as hashed,
    {{ dbt.safe_cast("'12'", api.Column.translate_type('integer')) }} as cast_number,
    {{ dbt.cast('one', dbt.type_string()) }} as text_one,
    {{ dbt.string_literal("it") }} as literal,
    '{{ dbt.escape_single_quotes("it's") }}' as escaped,
    {{ dbt.cast_bool_to_text('one = 1') }} as yes,
    cast(one as {{ dbt.type_bigint() }}) as big,
    cast(one as {{ dbt.type_int() }}) as small,
    cast(one as {{ dbt.type_float() }}) as floating,
    cast(one as {{ dbt.type_numeric() }}) as exact,
    cast(day as {{ dbt.type_timestamp() }}) as moment,
    {{ dbt.any_value('one') }} as any_one,
    {{ dbt.bool_or('one = 1') }} as either,
    {{ dbt.listagg('word', "','", 'order by word') }} as listed
from numbers group by one, day, word
{{ dbt.except() }}
select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null
