{{ config(pre_hook=[before_begin(tell('pre', 'outside, ' ~ target.name)), {"sql": "{{ tell('pre', this.name ~ ' inside') }}", "transaction": true}],
    post_hook=[{"sql": "{{ tell('post', 'rows ' ~ (run_query('select count(*) from ' ~ this).columns[0].values()[0] if execute)) }}", "transaction": true}, after_commit(tell('post', 'outside')),
        "{% if is_incremental() %}{{ tell('post', 'never') }}{% endif %}"]) }}
select 1 as id, '{{ dbt_metadata_envs.TEAM }}' as team, '{{ env_var("HEADRACE_CORPUS_WORD") }}' as word, '{{ this.include(database=false) }}' as named
