"""What a relation of PostgreSQL carries beside its rows, as the statements that give it to the next one of its name."""

CARRIED = """
WITH old AS (
    SELECT c.oid, c.relkind, c.relacl, c.reloptions, c.relowner, format('%I.%I', n.nspname, c.relname) AS called
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relname = ?
), columns AS (
    SELECT a.attname, a.attnum, a.attacl FROM old
    JOIN pg_attribute AS a ON a.attrelid = old.oid AND a.attnum > 0 AND NOT a.attisdropped
), said AS (
    SELECT 1 AS turn, at, format('ALTER VIEW %s SET (%s)', called, o) AS statement
    FROM old, unnest(reloptions) WITH ORDINALITY AS t(o, at) WHERE relkind = 'v' AND ?::text = 'VIEW'
    UNION ALL
    SELECT 2, 0, format('COMMENT ON %s %s IS %L', ?::text, called, obj_description(oid, 'pg_class'))
    FROM old WHERE obj_description(oid, 'pg_class') IS NOT NULL
    UNION ALL
    SELECT 3, attnum, format('COMMENT ON COLUMN %s.%I IS %L', called, attname, col_description(oid, attnum))
    FROM old, columns WHERE col_description(oid, attnum) IS NOT NULL
    UNION ALL
    SELECT 4, 0, format('GRANT %s ON TABLE %s TO %s%s', g.privilege_type, called,
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
        CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM old, aclexplode(relacl) AS g WHERE g.grantee <> relowner
    UNION ALL
    SELECT 5, attnum, format('GRANT %s (%I) ON TABLE %s TO %s%s', g.privilege_type, attname, called,
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
        CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM old, columns, aclexplode(attacl) AS g WHERE g.grantee <> relowner
    UNION ALL
    SELECT 6, 0, format('ALTER TABLE %s OWNER TO %I', called, pg_get_userbyid(relowner))
    FROM old WHERE pg_get_userbyid(relowner) <> current_user
)
SELECT CASE WHEN turn IN (3, 5)
    THEN format('DO %L', format('BEGIN %s; EXCEPTION WHEN undefined_column THEN NULL; END', statement)) ELSE statement END
FROM said ORDER BY turn, at, statement
"""
"""Its values: schema and name of the relation, and VIEW or TABLE twice, as the next one is. A column that it has not is passed over."""
