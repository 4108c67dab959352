DROP TABLE IF EXISTS "temp"."main"."orders__verdicts";
CREATE TEMPORARY TABLE "temp"."main"."orders__verdicts" AS
SELECT s."_headrace_place", t.rowid AS "_headrace_held",
    CASE
        WHEN s."_headrace_rank" > 1 THEN 'duplicate'
        WHEN t."id" IS NULL THEN 'insert'
        WHEN t."_headrace_hash" = s."_headrace_hash" THEN 'unchanged'
        ELSE 'update'
    END AS "_headrace_verdict",
    FALSE AS "_headrace_newer"
FROM (
    SELECT *, rowid AS "_headrace_place", row_number() OVER (PARTITION BY "id" ORDER BY rowid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id" AND t."day" >= CAST('2026-01-01' AS DATE) AND t."day" <= CAST('2026-01-31' AS DATE);
DELETE FROM "raw"."orders" AS t
USING "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND t."id" = s."id" AND t."day" >= CAST('2026-01-01' AS DATE) AND t."day" <= CAST('2026-01-31' AS DATE) AND v."_headrace_verdict" IN ('update', 'delete');
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT s."id", s."state", s."updated_at", s."_headrace_hash"
FROM "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND v."_headrace_verdict" IN ('insert', 'update');
