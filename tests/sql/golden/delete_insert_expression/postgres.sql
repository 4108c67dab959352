DELETE FROM "raw"."orders" AS DBT_INTERNAL_DEST
WHERE (lower(state)) IN (SELECT lower(state) FROM "raw"."orders__staged");
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT "id", "state", "updated_at", "_headrace_hash"
FROM "raw"."orders__staged";
