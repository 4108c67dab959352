select * from {{ ref('no_folder') }}
