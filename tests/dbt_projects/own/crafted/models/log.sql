{{ config(materialized='logbook', wanted=2, word='written', pre_hook="create table if not exists {{ target.schema }}.noted (word varchar)",
    post_hook=[{"sql": "insert into {{ target.schema }}.noted values ('inside {{ this.name }}')"}, {"sql": "insert into {{ target.schema }}.noted values ('outside')", "transaction": false}]) }}
select {{ var('run') }} as run, 1 as id union all select {{ var('run') }}, 2
