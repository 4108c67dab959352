{{ config(pre_hook="select 'pre'", post_hook=["select 'post'", {"sql": "select 'two'", "transaction": false}], group='sales', access='public') }}
{% for x in awkward_list() %}-- {{ x }}
{% endfor %}
select * from {{ ref('stg_orders') }} o left join {{ ref('stg_customers') }} c on true left join {{ ref('helper', 'wrapped') }} w on true
{% if is_incremental() %}where 1{% endif %}
-- depends_on: {{ ref('countries') }}
