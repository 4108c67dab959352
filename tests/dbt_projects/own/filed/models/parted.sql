{{ config(location=var('folder') ~ '/parted', options={'partition_by': 'currency, id', 'overwrite': true}) }}
select id, currency, amount from {{ ref('one_place') }}
where {{ "id > 1" if var('empty', false) else 'true' }}
