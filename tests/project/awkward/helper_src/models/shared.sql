select {{ shout(var('helper_var')) }} a, '{{ var('other_var') }}' b, '{{ var('scoped') }}' c, '{{ var('root_var') }}' d
