{% call set_sql_header(config) %}create table if not exists {{ target.schema }}.head (word varchar);{% endcall %}
select count(*) as n from {{ target.schema }}.head
