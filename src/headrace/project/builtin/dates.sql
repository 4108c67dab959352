{#- Dates and times across engines. -#}

{% macro current_timestamp() %}{{ return(adapter.dispatch('current_timestamp', 'dbt')()) }}{% endmacro %}
{% macro default__current_timestamp() %}now(){% endmacro %}

{% macro current_timestamp_in_utc_backcompat() %}{{ return(current_timestamp()) }}{% endmacro %}
{% macro current_timestamp_backcompat() %}{{ return(current_timestamp()) }}{% endmacro %}

{% macro date_trunc(datepart, date) %}{{ return(adapter.dispatch('date_trunc', 'dbt')(datepart, date)) }}{% endmacro %}
{% macro default__date_trunc(datepart, date) %}date_trunc('{{ datepart }}', {{ date }}){% endmacro %}

{% macro dateadd(datepart, interval, from_date_or_timestamp) -%}
    {{ return(adapter.dispatch('dateadd', 'dbt')(datepart, interval, from_date_or_timestamp)) }}
{%- endmacro %}
{% macro default__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {{ from_date_or_timestamp }} + ((interval '1 {{ datepart }}') * ({{ interval }}))
{%- endmacro %}
{% macro duckdb__dateadd(datepart, interval, from_date_or_timestamp) -%}
    date_add({{ from_date_or_timestamp }}, interval ({{ interval }}) {{ datepart }})
{%- endmacro %}

{% macro datediff(first_date, second_date, datepart) -%}
    {{ return(adapter.dispatch('datediff', 'dbt')(first_date, second_date, datepart)) }}
{%- endmacro %}
{% macro default__datediff(first_date, second_date, datepart) -%}
    datediff('{{ datepart }}', {{ first_date }}::timestamp, {{ second_date }}::timestamp)
{%- endmacro %}
{#- How often the clock passes a boundary of the part between the two, as other engines' datediff counts. -#}
{% macro postgres__datediff(first_date, second_date, datepart) -%}
    {%- set parts = {'second': 1, 'minute': 60, 'hour': 3600, 'day': 86400} -%}
    {%- set from = '(' ~ first_date ~ ')::timestamp' -%}
    {%- set upto = '(' ~ second_date ~ ')::timestamp' -%}
    {%- if datepart == 'year' -%}
        (date_part('year', {{ upto }}) - date_part('year', {{ from }}))
    {%- elif datepart == 'quarter' -%}
        ((date_part('year', {{ upto }}) - date_part('year', {{ from }})) * 4
        + date_part('quarter', {{ upto }}) - date_part('quarter', {{ from }}))
    {%- elif datepart == 'month' -%}
        ((date_part('year', {{ upto }}) - date_part('year', {{ from }})) * 12
        + date_part('month', {{ upto }}) - date_part('month', {{ from }}))
    {%- elif datepart == 'week' -%}
        ((date_trunc('week', {{ upto }} + interval '1 day')::date - date_trunc('week', {{ from }} + interval '1 day')::date) / 7)
    {%- elif datepart in parts -%}
        (extract(epoch from date_trunc('{{ datepart }}', {{ upto }}) - date_trunc('{{ datepart }}', {{ from }})) / {{ parts[datepart] }})::bigint
    {%- elif datepart == 'millisecond' -%}
        floor(extract(epoch from {{ upto }} - {{ from }}) * 1000)::bigint
    {%- elif datepart == 'microsecond' -%}
        (extract(epoch from {{ upto }} - {{ from }}) * 1000000)::bigint
    {%- else -%}
        {{ exceptions.raise_compiler_error("datediff cannot count the part '" ~ datepart ~ "' on Postgres") }}
    {%- endif -%}
{%- endmacro %}

{% macro last_day(date, datepart) %}{{ return(adapter.dispatch('last_day', 'dbt')(date, datepart)) }}{% endmacro %}
{% macro default__last_day(date, datepart) -%}
    cast({{ dateadd('day', '-1', dateadd(datepart, '1', date_trunc(datepart, date))) }} as date)
{%- endmacro %}
{% macro postgres__last_day(date, datepart) -%}
    {%- set step = '3 months' if datepart == 'quarter' else '1 ' ~ datepart -%}
    cast(date_trunc('{{ datepart }}', {{ date }}) + interval '{{ step }}' - interval '1 day' as date)
{%- endmacro %}
{% macro duckdb__last_day(date, datepart) -%}
    {%- set step = '3 months' if datepart == 'quarter' else '1 ' ~ datepart -%}
    cast(date_trunc('{{ datepart }}', {{ date }}) + interval '{{ step }}' - interval '1 day' as date)
{%- endmacro %}

{% macro date(year, month, day) %}{{ return(adapter.dispatch('date', 'dbt')(year, month, day)) }}{% endmacro %}
{% macro default__date(year, month, day) -%}
    to_date('{{ '%04d-%02d-%02d' | format(year | int, month | int, day | int) }}', 'YYYY-MM-DD')
{%- endmacro %}
{% macro duckdb__date(year, month, day) -%}
    date '{{ '%04d-%02d-%02d' | format(year | int, month | int, day | int) }}'
{%- endmacro %}

{#- A day, month or other part in each row, from the first to the last that is not after the end. -#}
{% macro date_spine(datepart, start_date, end_date) -%}
    {{ return(adapter.dispatch('date_spine', 'dbt')(datepart, start_date, end_date)) }}
{%- endmacro %}
{% macro default__date_spine(datepart, start_date, end_date) -%}
    select spine.date_{{ datepart }}
    from (
        select {{ dateadd(datepart, 'steps.generated_number - 1', start_date) }} as date_{{ datepart }}
        from ({{ generate_series(get_intervals_between(start_date, end_date, datepart)) }}) as steps
    ) as spine
    where spine.date_{{ datepart }} <= {{ end_date }}
{%- endmacro %}

{% macro get_intervals_between(start_date, end_date, datepart) -%}
    {{ return(adapter.dispatch('get_intervals_between', 'dbt')(start_date, end_date, datepart)) }}
{%- endmacro %}
{% macro default__get_intervals_between(start_date, end_date, datepart) -%}
    {%- set found = run_query('select ' ~ datediff(start_date, end_date, datepart)) if execute else none -%}
    {{ return(found.rows[0][0] | int if found else 1) }}
{%- endmacro %}

{#- The whole numbers from 1 to the bound. -#}
{% macro generate_series(upper_bound) %}{{ return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) }}{% endmacro %}
{% macro default__generate_series(upper_bound) -%}
    select series.number as generated_number from generate_series(1, {{ upper_bound }}) as series(number)
{%- endmacro %}

{% macro get_powers_of_two(upper_bound) %}{{ return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) }}{% endmacro %}
{% macro default__get_powers_of_two(upper_bound) -%}
    {%- if upper_bound <= 0 -%}{{ exceptions.raise_compiler_error('upper bound must be positive') }}{%- endif -%}
    {%- for power in range(1, 100) if upper_bound <= 2 ** power -%}{{ return(power) }}{%- endfor -%}
{%- endmacro %}

{% macro equals(expr1, expr2) %}{{ return(adapter.dispatch('equals', 'dbt')(expr1, expr2)) }}{% endmacro %}
{% macro default__equals(expr1, expr2) -%}({{ expr1 }} = {{ expr2 }}){%- endmacro %}
