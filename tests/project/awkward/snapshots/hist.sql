{% snapshot orders_hist %}
{{ config(target_schema='snaps', strategy='check', unique_key='order_id', check_cols=['who']) }}
select * from {{ ref('orders') }}
{% endsnapshot %}

{% snapshot second_hist %}{{ config(strategy='timestamp', unique_key=['a','b'], updated_at='u', schema='later') }} select 1 as a, 2 as b, now() as u from {{ source('shop','orders') }}{% endsnapshot %}
