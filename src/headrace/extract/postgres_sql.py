"""What is asked of PostgreSQL's catalog and of its views of what goes on."""

from __future__ import annotations

TYPES = """
WITH RECURSIVE base AS (
    SELECT at, of AS type, modifier FROM unnest(%s::oid[], %s::integer[]) WITH ORDINALITY AS t(of, modifier, at)
    UNION ALL
    SELECT base.at, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE base.modifier END
    FROM base JOIN pg_type AS t ON t.oid = base.type WHERE t.typtype = 'd'
)
SELECT format_type(base.type, base.modifier)
FROM base JOIN pg_type AS t ON t.oid = base.type WHERE t.typtype <> 'd' ORDER BY base.at
"""
KEY = """
SELECT a.attname FROM pg_index AS i
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, at)
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = to_regclass(%s) AND i.indisprimary ORDER BY k.at
"""
TABLES = """
SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = coalesce(%s, current_schema()) AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
    AND has_table_privilege(c.oid, 'SELECT')
"""
SIZE = """
SELECT coalesce(sum(CASE WHEN c.reltuples >= 0 THEN c.reltuples ELSE pg_relation_size(c.oid) / 100 END), 0)::bigint,
    coalesce(sum(pg_table_size(c.oid)), 0)::bigint
FROM pg_class AS c WHERE c.oid = to_regclass(%(table)s)
    OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass(%(table)s)) WHERE isleaf)
"""
OPEN = """
SELECT least(clock_timestamp(), min(a.xact_start)),
    count(*) FILTER (WHERE a.xact_start IS NULL AND a.backend_type IS NULL)
        + (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()),
    (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone')
FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'virtualxid' AND l.granted AND l.pid <> pg_backend_pid()
    AND a.datid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'walsender')
"""
WRITERS = """
SELECT DISTINCT l.virtualtransaction FROM pg_locks AS l
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.relation >= 16384
    AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    AND (%(table)s::text IS NULL OR l.relation = to_regclass(%(table)s)
        OR l.relation IN (SELECT relid FROM pg_partition_tree(to_regclass(%(table)s))))
"""

UNIQUE = """
SELECT array_agg(a.attname ORDER BY k.at) FROM pg_index AS i
CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(number, at)
LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
GROUP BY i.indexrelid, i.indnkeyatts
HAVING bool_and(coalesce(a.attnotnull, false)) ORDER BY i.indnkeyatts, i.indexrelid LIMIT 1
"""
"""The columns of an index that tells all rows apart: not of some of them, not of expressions, not of columns that may be NULL."""


SCHEMAS = """
SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege(oid, 'USAGE')
"""

LAID = """
SELECT pg_relation_size(c.oid) / current_setting('block_size')::bigint FROM pg_class AS c JOIN pg_am AS m ON m.oid = c.relam
WHERE c.oid = to_regclass(%s) AND c.relkind IN ('r', 'm') AND NOT c.relhassubclass AND m.amname = 'heap'
    AND has_table_privilege(c.oid, 'SELECT') AND current_setting('server_version_num')::integer >= 140000
"""
"""How many pages a table or a stored view has whose rows can be asked for by their pages: of a heap, which is no parent of others."""
