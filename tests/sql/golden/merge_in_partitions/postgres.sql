LOCK TABLE "raw"."orders" IN SHARE ROW EXCLUSIVE MODE;
DROP TABLE IF EXISTS "pg_temp"."orders__verdicts";
CREATE TEMPORARY TABLE "pg_temp"."orders__verdicts" AS
SELECT s."_headrace_place", t.ctid AS "_headrace_held",
    CASE
        WHEN s."_headrace_rank" > 1 THEN 'duplicate'
        WHEN t."id" IS NULL THEN 'insert'
        WHEN t."_headrace_hash" = s."_headrace_hash" THEN 'unchanged'
        ELSE 'update'
    END AS "_headrace_verdict",
    FALSE AS "_headrace_newer"
FROM (
    SELECT *, ctid AS "_headrace_place", row_number() OVER (PARTITION BY "id" ORDER BY ctid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id" AND t."day" >= CAST('2026-01-01' AS date) AND t."day" <= CAST('2026-01-31' AS date);
UPDATE "raw"."orders" AS t
SET "state" = s."state", "updated_at" = s."updated_at", "_headrace_hash" = s."_headrace_hash"
FROM "raw"."orders__staged" AS s, "pg_temp"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.ctid AND t."id" = s."id" AND t."day" >= CAST('2026-01-01' AS date) AND t."day" <= CAST('2026-01-31' AS date) AND v."_headrace_verdict" IN ('update');
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT s."id", s."state", s."updated_at", s."_headrace_hash"
FROM "raw"."orders__staged" AS s, "pg_temp"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.ctid AND v."_headrace_verdict" = 'insert';
