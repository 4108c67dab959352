DROP TABLE IF EXISTS "temp"."main"."orders__verdicts";
CREATE TEMPORARY TABLE "temp"."main"."orders__verdicts" AS
SELECT s."_headrace_place", t.rowid AS "_headrace_held",
    CASE
        WHEN s."_headrace_rank" > 1 THEN 'duplicate'
        WHEN t."id" IS NULL THEN 'insert'
        WHEN t."updated_at" > s."updated_at" OR (t."updated_at" IS NOT NULL AND s."updated_at" IS NULL) THEN 'duplicate'
        WHEN t."_headrace_hash" = s."_headrace_hash" THEN 'unchanged'
        ELSE 'update'
    END AS "_headrace_verdict",
    COALESCE(s."updated_at" > t."updated_at" OR (s."updated_at" IS NOT NULL AND t."updated_at" IS NULL), FALSE) AS "_headrace_newer"
FROM (
    SELECT *, rowid AS "_headrace_place", row_number() OVER (PARTITION BY "id", "state" ORDER BY "updated_at" DESC NULLS LAST, "_headrace_offset" DESC NULLS LAST, rowid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id" AND t."state" = s."state";
DELETE FROM "raw"."orders" AS t
USING "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND t.rowid = v."_headrace_held" AND (v."_headrace_verdict" IN ('update', 'delete') OR (v."_headrace_verdict" = 'unchanged' AND v."_headrace_newer"));
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT s."id", s."state", s."updated_at", s."_headrace_hash"
FROM "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND (v."_headrace_verdict" IN ('insert', 'update') OR (v."_headrace_verdict" = 'unchanged' AND v."_headrace_newer"));
