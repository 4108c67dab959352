DELETE FROM "raw"."orders"
WHERE at >= '2026-01-01' AND (state = 'x');
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT "id", "state", "updated_at", "_headrace_hash"
FROM "raw"."orders__staged"
WHERE at >= '2026-01-01';
