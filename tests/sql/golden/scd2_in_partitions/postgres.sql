DROP TABLE IF EXISTS "pg_temp"."orders__verdicts";
CREATE TEMPORARY TABLE "pg_temp"."orders__verdicts" AS
SELECT s.*,
    CASE
        WHEN s."_headrace_rank" > 1 THEN 'duplicate'
        WHEN c."_headrace_hash" = s."_headrace_hash" THEN 'unchanged'
        WHEN EXISTS (SELECT 1 FROM "raw"."orders" AS t WHERE t."id" = s."id" AND t."day" >= CAST('2026-01-01' AS date) AND t."day" <= CAST('2026-01-31' AS date)) THEN 'update'
        ELSE 'insert'
    END AS "_headrace_verdict"
FROM (
    SELECT *, row_number() OVER (PARTITION BY "id", "updated_at" ORDER BY ctid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS c ON c."id" = s."id" AND c."day" >= CAST('2026-01-01' AS date) AND c."day" <= CAST('2026-01-31' AS date)
    AND c."valid_from" <= s."updated_at" AND (c."valid_to" IS NULL OR c."valid_to" > s."updated_at");
DROP TABLE IF EXISTS "pg_temp"."orders__versions";
CREATE TEMPORARY TABLE "pg_temp"."orders__versions" AS
WITH touched AS (
    SELECT DISTINCT "id" FROM "pg_temp"."orders__verdicts" WHERE "_headrace_verdict" IN ('insert', 'update', 'delete')
),
events AS (
    SELECT t."id", t."state", t."updated_at", t."_headrace_hash", t."valid_from" AS "_headrace_at", FALSE AS "_headrace_gone", 1 AS "_headrace_stored"
    FROM "raw"."orders" AS t JOIN touched AS k ON t."id" = k."id" AND t."day" >= CAST('2026-01-01' AS date) AND t."day" <= CAST('2026-01-31' AS date)
    UNION ALL
    SELECT v."id", v."state", v."updated_at", v."_headrace_hash", v."updated_at" AS "_headrace_at", FALSE AS "_headrace_gone", 0 AS "_headrace_stored"
    FROM "pg_temp"."orders__verdicts" AS v WHERE v."_headrace_verdict" IN ('insert', 'update')
    UNION ALL
    SELECT t."id", NULL, NULL, NULL, t."valid_to" AS "_headrace_at", TRUE AS "_headrace_gone", 1 AS "_headrace_stored"
    FROM "raw"."orders" AS t JOIN touched AS k ON t."id" = k."id" AND t."day" >= CAST('2026-01-01' AS date) AND t."day" <= CAST('2026-01-31' AS date)
    WHERE t."valid_to" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "raw"."orders" AS n WHERE n."id" = t."id" AND n."valid_from" = t."valid_to" AND n."day" >= CAST('2026-01-01' AS date) AND n."day" <= CAST('2026-01-31' AS date))
    UNION ALL
    SELECT v."id", NULL, NULL, NULL, v."updated_at" AS "_headrace_at", TRUE AS "_headrace_gone", 0 AS "_headrace_stored"
    FROM "pg_temp"."orders__verdicts" AS v WHERE v."_headrace_verdict" = 'delete'
),
known AS (
    SELECT *, row_number() OVER (PARTITION BY "id", "_headrace_at" ORDER BY "_headrace_gone" DESC, "_headrace_stored") AS "_headrace_nth"
    FROM events
),
states AS (
    SELECT *, lag("_headrace_hash") OVER (PARTITION BY "id" ORDER BY "_headrace_at") AS "_headrace_state"
    FROM known WHERE "_headrace_nth" = 1
),
spans AS (
    SELECT *, lead("_headrace_at") OVER (PARTITION BY "id" ORDER BY "_headrace_at") AS "valid_to"
    FROM states WHERE "_headrace_hash" IS DISTINCT FROM "_headrace_state"
)
SELECT "id", "state", "updated_at", "_headrace_hash", "_headrace_at" AS "valid_from", "valid_to"
FROM spans WHERE NOT "_headrace_gone";
UPDATE "raw"."orders" AS t
SET "valid_to" = n."valid_to"
FROM "pg_temp"."orders__versions" AS n
WHERE t."id" = n."id" AND t."valid_from" = n."valid_from" AND t."_headrace_hash" = n."_headrace_hash" AND t."valid_to" IS DISTINCT FROM n."valid_to" AND t."day" >= CAST('2026-01-01' AS date) AND t."day" <= CAST('2026-01-31' AS date);
DELETE FROM "raw"."orders" AS t
WHERE EXISTS (SELECT 1 FROM "pg_temp"."orders__verdicts" AS v WHERE v."id" = t."id" AND v."_headrace_verdict" IN ('insert', 'update', 'delete')) AND t."day" >= CAST('2026-01-01' AS date) AND t."day" <= CAST('2026-01-31' AS date)
    AND NOT EXISTS (SELECT 1 FROM "pg_temp"."orders__versions" AS n WHERE t."id" = n."id" AND t."valid_from" = n."valid_from" AND t."_headrace_hash" = n."_headrace_hash");
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash", "valid_from", "valid_to")
SELECT n."id", n."state", n."updated_at", n."_headrace_hash", n."valid_from", n."valid_to"
FROM "pg_temp"."orders__versions" AS n
WHERE NOT EXISTS (SELECT 1 FROM "raw"."orders" AS t WHERE t."id" = n."id" AND t."valid_from" = n."valid_from" AND t."_headrace_hash" = n."_headrace_hash" AND t."day" >= CAST('2026-01-01' AS date) AND t."day" <= CAST('2026-01-31' AS date));
