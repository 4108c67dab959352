DELETE FROM "raw"."orders" AS DBT_INTERNAL_DEST
WHERE EXISTS (SELECT 1 FROM "raw"."orders__staged" AS DBT_INTERNAL_SOURCE WHERE DBT_INTERNAL_DEST."id" = DBT_INTERNAL_SOURCE."id") AND ((DBT_INTERNAL_DEST."day" >= CAST('2026-01-01' AS date) AND DBT_INTERNAL_DEST."day" <= CAST('2026-01-31' AS date)) OR DBT_INTERNAL_DEST."day" IS NULL);
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT "id", "state", "updated_at", "_headrace_hash"
FROM "raw"."orders__staged";
