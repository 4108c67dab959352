{{ config(materialized='table', event_time='seen') }}
{% for id, seen, amount in [
    (1, '2025-12-31 23:30:00', 10), (2, '2026-01-01 00:00:00', 20), (3, '2026-01-01 22:45:00', 30), (4, '2026-01-02 01:00:00', 40),
    (5, '2026-01-02 12:00:00', 50), (6, '2026-01-03 23:59:59', 60), (7, '2026-01-04 00:00:00', 70), (8, '2026-02-01 08:00:00', 80)
] %}
select {{ id }} as id, cast('{{ seen }}' as timestamp) as seen, {{ amount + var('day') }} as amount
{% if not loop.last %}union all{% endif %}
{% endfor %}
