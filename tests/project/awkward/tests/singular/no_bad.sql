{{ config(severity='error') }} select * from {{ ref('orders') }} where {{ shout_local() }}
