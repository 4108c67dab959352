LOCK TABLE "raw"."orders" IN SHARE ROW EXCLUSIVE MODE;
DROP TABLE IF EXISTS "pg_temp"."orders__verdicts";
CREATE TEMPORARY TABLE "pg_temp"."orders__verdicts" AS
SELECT s."_headrace_place", t.ctid AS "_headrace_held",
    CASE
        WHEN s."_headrace_rank" > 1 THEN 'duplicate'
        WHEN t."id" IS NULL THEN 'insert'
        WHEN t."updated_at" > s."updated_at" OR (t."updated_at" IS NOT NULL AND s."updated_at" IS NULL) THEN 'duplicate'
        WHEN t."_headrace_hash" = s."_headrace_hash" THEN 'unchanged'
        ELSE 'update'
    END AS "_headrace_verdict",
    COALESCE(s."updated_at" > t."updated_at" OR (s."updated_at" IS NOT NULL AND t."updated_at" IS NULL), FALSE) AS "_headrace_newer"
FROM (
    SELECT *, ctid AS "_headrace_place", row_number() OVER (PARTITION BY "id", "state" ORDER BY "updated_at" DESC NULLS LAST, "_headrace_offset" DESC NULLS LAST, ctid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id" AND t."state" = s."state";
UPDATE "raw"."orders" AS t
SET "updated_at" = s."updated_at", "_headrace_hash" = s."_headrace_hash"
FROM "raw"."orders__staged" AS s, "pg_temp"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.ctid AND t.ctid = v."_headrace_held" AND (v."_headrace_verdict" IN ('update') OR (v."_headrace_verdict" = 'unchanged' AND v."_headrace_newer"));
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT s."id", s."state", s."updated_at", s."_headrace_hash"
FROM "raw"."orders__staged" AS s, "pg_temp"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.ctid AND v."_headrace_verdict" = 'insert';
