DROP TABLE IF EXISTS "pg_temp"."orders__verdicts";
CREATE TEMPORARY TABLE "pg_temp"."orders__verdicts" AS
SELECT s.*,
    CASE
        WHEN s."_headrace_rank" > 1 THEN 'duplicate'
        WHEN t."id" IS NULL THEN 'insert'
        WHEN t."updated_at" > s."updated_at" OR (t."updated_at" IS NOT NULL AND s."updated_at" IS NULL) THEN 'duplicate'
        WHEN t."_headrace_hash" = s."_headrace_hash" THEN 'unchanged'
        ELSE 'update'
    END AS "_headrace_verdict",
    COALESCE(s."updated_at" > t."updated_at" OR (s."updated_at" IS NOT NULL AND t."updated_at" IS NULL), FALSE) AS "_headrace_newer"
FROM (
    SELECT *, row_number() OVER (PARTITION BY "id", "state" ORDER BY "updated_at" DESC NULLS LAST, "_headrace_offset" DESC NULLS LAST, ctid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id" AND t."state" = s."state";
MERGE INTO "raw"."orders" AS t
USING (
    SELECT v.*
    FROM "pg_temp"."orders__verdicts" AS v
    WHERE (v."_headrace_verdict" IN ('insert', 'update', 'delete') OR (v."_headrace_verdict" = 'unchanged' AND v."_headrace_newer"))
) AS v
ON t."id" = v."id" AND t."state" = v."state"
WHEN MATCHED AND v."_headrace_verdict" = 'delete' THEN DELETE
WHEN MATCHED THEN UPDATE SET "updated_at" = v."updated_at", "_headrace_hash" = v."_headrace_hash"
WHEN NOT MATCHED THEN INSERT ("id", "state", "updated_at", "_headrace_hash")
VALUES (v."id", v."state", v."updated_at", v."_headrace_hash");
