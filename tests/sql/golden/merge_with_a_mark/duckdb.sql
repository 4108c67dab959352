DROP TABLE IF EXISTS "temp"."main"."orders__verdicts";
CREATE TEMPORARY TABLE "temp"."main"."orders__verdicts" AS
SELECT s.*,
    CASE
        WHEN s."_headrace_rank" > 1 THEN 'duplicate'
        WHEN t."id" IS NULL THEN 'insert'
        WHEN t."_headrace_hash" = s."_headrace_hash" AND COALESCE(t."_headrace_deleted", FALSE) = COALESCE(s."_headrace_deleted", FALSE) THEN 'unchanged'
        ELSE 'update'
    END AS "_headrace_verdict",
    FALSE AS "_headrace_newer"
FROM (
    SELECT *, row_number() OVER (PARTITION BY "id" ORDER BY rowid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id";
DELETE FROM "raw"."orders" AS t
USING "temp"."main"."orders__verdicts" AS v
WHERE t."id" = v."id" AND v."_headrace_verdict" IN ('update', 'delete');
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT v."id", v."state", v."updated_at", v."_headrace_hash"
FROM "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_verdict" IN ('insert', 'update');
