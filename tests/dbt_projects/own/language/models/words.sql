{%- set space = namespace(total=0, words=[]) -%}
{%- for word in ['b', 'a', 'c'] -%}
    {%- set space.total = space.total + loop.index -%}
    {%- do space.words.append(word ~ loop.revindex0) -%}
{%- endfor -%}
{%- set block -%}
    in a block
{%- endset -%}
{%- set name = 'outer' -%}
{%- set parts = [
    ('total', space.total), ('words', space.words | join('|')), ('block', block | trim), ('list', a_list() | join(',')),
    ('dict', a_dict() | dictsort | string), ('dict_named', a_dict(prefix='k').items() | map('first') | join('')),
    ('early', early(1) | trim ~ early(2)), ('shape', shape()), ('factorial', factorial(5)), ('given', given('x')),
    ('many', many(1, 'two', three=3, four=4)), ('scope', set_elsewhere() ~ name),
    ('zipped', zip([1, 2], ['x', 'y']) | list | string), ('set', set([3, 1, 3]) | sort | string),
    ('strict', zip_strict([1], [2]) | list | length), ('md5', local_md5('headrace')),
    ('json', tojson({'b': [1, none, true], 'a': 'x'}, sort_keys=true)), ('fromjson', fromjson('{"k": [1, 2]}')['k'][1]),
    ('badjson', fromjson('{', default='bad')), ('yaml', fromyaml('a: [1, two]')['a'][1]), ('toyaml', toyaml({'a': 1}) | trim),
    ('date', modules.datetime.date(2026, 2, 3).strftime('%d.%m.%Y')), ('re', modules.re.sub('[aeiou]', '_', 'headrace')),
    ('iter', modules.itertools.chain([1], [2, 3]) | list | length), ('zone', modules.pytz.timezone('Europe/Zurich') | string),
    ('var', var('rate') * 2), ('var_default', var('missing', 'fallback')), ('var_cli', var('run_day')), ('deep', var('nested').one.two),
    ('env', env_var('HEADRACE_CORPUS_NOT_SET', 'no')), ('target', target.name ~ target.schema), ('project', project_name),
    ('has', var.has_var('rate')), ('version', dbt_version.split('.')[0]), ('filters', [3, 1, 2] | sort(reverse=true) | first),
    ('select', [{'a': 1, 'k': 'x'}, {'a': 2, 'k': 'y'}] | selectattr('a', 'gt', 1) | map(attribute='k') | join),
    ('reject', [1, 2, 3] | reject('equalto', 2) | list | string),
    ('replace', 'a-b' | replace('-', '+')), ('indent', 'x' | indent(2) | length), ('default', none | default('dflt', true)),
    ('int', '12' | int + 1), ('unknown', '[' ~ nobody_knows ~ ']'), ('undefined', nobody_knows is defined), ('slice', 'headrace'[1:4]),
    ('ternary', 'y' if 1 in [1] else 'n'), ('tests', (3 is divisibleby 3) ~ ('x' is string) ~ ({} is mapping)), ('tilde', 1 ~ 2),
    ('api', api.Relation.create(schema='s', identifier='i').include(database=false) | string), ('config', config.get('materialized')),
    ('this', this.identifier ~ this.schema ~ this.name), ('model', model.unique_id ~ model.name ~ model.resource_type),
    ('execute', execute), ('flags', flags.FULL_REFRESH), ('quote', adapter.quote('a b')), ('break', none)
] -%}
{%- for key, value in parts -%}
select '{{ key }}' as key, '{{ value | string | replace("'", "''") }}' as value
{% if not loop.last %}union all {% endif %}
{%- endfor %}
