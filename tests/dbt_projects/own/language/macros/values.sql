{% macro a_list() %}
    {% set found = [] %}
    {% for colour in var('colours') %}
        {% do found.append(colour | upper) %}
    {% endfor %}
    {{ return(found) }}
    never seen
{% endmacro %}

{% macro a_dict(prefix='x') %}
    {% set result = {} %}
    {% for number in range(3) %}{% do result.update({prefix ~ number: number * number}) %}{% endfor %}
    {% do return(result) %}
{% endmacro %}

{% macro a_relation(name) %}
    {{ return(ref(name)) }}
{% endmacro %}

{% macro answers(question) %}
    {% if not execute %}{{ return([]) }}{% endif %}
    {% set found = run_query(question) %}
    {{ return(found.columns[0].values() | list) }}
{% endmacro %}

{% macro many() %}{{ varargs | length }}:{{ varargs | join('+') }}:{{ kwargs.items() | map('join', '=') | sort | join(',') }}{% endmacro %}

{% macro wrapped(word) %}[{{ word }}{{ caller(word | length) }}]{% endmacro %}

{% macro early(number) %}
    {%- if number > 1 -%}{{ return('big') }}{%- endif -%}
    small
{%- endmacro %}

{% macro shape() %}{{ return(adapter.dispatch('shape', 'language')()) }}{% endmacro %}
{% macro default__shape() %}plain{% endmacro %}
{% macro duckdb__shape() %}engine{% endmacro %}
{% macro postgres__shape() %}engine{% endmacro %}

{% macro factorial(n) %}{% if n <= 1 %}{{ return(1) }}{% endif %}{{ return(n * factorial(n - 1)) }}{% endmacro %}

{% macro given(a, b) %}{{ a }}{{ b }}{{ 'unset' if b is undefined else 'set' }}{% endmacro %}

{% macro set_elsewhere() %}{% set name = 'inner' %}{{ name }}{% endmacro %}
