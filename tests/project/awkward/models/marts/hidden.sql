{{ config(group='sales', access='private') }} select 1 as id
