{{ config(post_hook="insert into {{ target.schema }}.no_such_table values (1)") }}
select 1 as id
