-- depends_on: {{ ref('fruit') }}
{% set names = answers('select name from ' ~ a_relation('fruit') ~ ' order by id') %}
{% call statement('priced', fetch_result=True) %}
    select name, cast(price * 100 as integer) as cents from {{ ref('fruit') }} where price is not null order by id
{% endcall %}
{% set priced = load_result('priced') %}
{% set columns = adapter.get_columns_in_relation(ref('fruit')) %}
{% set there = adapter.get_relation(database=target.database, schema=ref('fruit').schema, identifier='fruit') %}
{% set absent = load_relation(this.incorporate(path={'identifier': 'nobody'})) %}
{% set table = run_query('select id, name from ' ~ ref('fruit') ~ ' where id < 3 order by id') %}
select 'names' as key, '{{ names | join(",") }}' as value
union all select 'priced', '{% if execute %}{% for row in priced.data %}{{ row[0] }}={{ row[1] }};{% endfor %}{% endif %}'
union all select 'table', '{% if execute %}{% for row in priced["table"].rows %}{{ row["name"] }}/{{ row.values()[1] }} {% endfor %}{% endif %}'
union all select 'columns', '{{ columns | map(attribute="name") | join(" ") }}'
union all select 'strings', '{% for column in columns %}{{ column.is_string() }}{% endfor %}'
union all select 'quoted', '{{ columns | map(attribute="quoted") | join(" ") }}'
union all select 'there', '{{ there.is_table }}{{ there.type }}'
union all select 'absent', '{{ absent is none }}'
union all select 'agate', '{% if execute %}{{ table.column_names | join(" ") }}{{ table.rows | length }}{{ table.columns[1].values()[0] }}{{ table.rows[0][1] }}{{ table.columns["id"].values() | sum }}{% endif %}'
union all select 'wrapped', '{% call(size) wrapped("word") %}-{{ size }}-{% endcall %}'
union all select 'exists', '{{ adapter.check_schema_exists(target.database, target.schema) }}'
