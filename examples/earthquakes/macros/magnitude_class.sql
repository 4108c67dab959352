{% macro magnitude_class(column) -%}
case
    when {{ column }} < 2 then 'micro'
    when {{ column }} < 4 then 'minor'
    when {{ column }} < 5 then 'light'
    when {{ column }} < 6 then 'moderate'
    else 'strong'
end
{%- endmacro %}
