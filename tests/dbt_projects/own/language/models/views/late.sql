{{ config(alias='renamed', meta={'owner': 'me'}) }}
select name, price * {{ var('rate') }} as price from {{ ref('fruit') }}
{% if config.get('materialized') == 'view' %}where price is not null{% endif %}
