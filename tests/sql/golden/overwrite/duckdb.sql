DELETE FROM "raw"."orders";
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT "id", "state", "updated_at", "_headrace_hash"
FROM "raw"."orders__staged";
