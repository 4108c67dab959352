{{ config(grants={'select': ['PUBLIC']} if target.type == 'postgres' else {}) }}
select 1 as id, 'it''s' as "Odd Name" from {{ ref('given') }} limit 1
