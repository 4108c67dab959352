SELECT pg_advisory_xact_lock(hashtext('headrace.schema'));
CREATE SCHEMA IF NOT EXISTS "raw";
