DROP TABLE IF EXISTS "pg_temp"."orders__verdicts";
CREATE TEMPORARY TABLE "pg_temp"."orders__verdicts" AS
SELECT s.*,
    CASE WHEN t."id" IS NOT NULL AND t."state" IS DISTINCT FROM s."state" THEN t."state" ELSE t."previous_state" END AS "previous_state",
    CASE WHEN t."id" IS NOT NULL AND t."state" IS DISTINCT FROM s."state" THEN s."updated_at" ELSE t."state_changed_at" END AS "state_changed_at",
    CASE
        WHEN s."_headrace_rank" > 1 THEN 'duplicate'
        WHEN t."id" IS NULL THEN 'insert'
        WHEN t."_headrace_hash" = s."_headrace_hash" THEN 'unchanged'
        ELSE 'update'
    END AS "_headrace_verdict",
    FALSE AS "_headrace_newer"
FROM (
    SELECT *, row_number() OVER (PARTITION BY "id" ORDER BY ctid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id";
MERGE INTO "raw"."orders" AS t
USING (
    SELECT v.*
    FROM "pg_temp"."orders__verdicts" AS v
    WHERE v."_headrace_verdict" IN ('insert', 'update', 'delete')
) AS v
ON t."id" = v."id"
WHEN MATCHED AND v."_headrace_verdict" = 'delete' THEN DELETE
WHEN MATCHED THEN UPDATE SET "state" = v."state", "updated_at" = v."updated_at", "_headrace_hash" = v."_headrace_hash", "previous_state" = v."previous_state", "state_changed_at" = v."state_changed_at"
WHEN NOT MATCHED THEN INSERT ("id", "state", "updated_at", "_headrace_hash", "previous_state", "state_changed_at")
VALUES (v."id", v."state", v."updated_at", v."_headrace_hash", v."previous_state", v."state_changed_at");
