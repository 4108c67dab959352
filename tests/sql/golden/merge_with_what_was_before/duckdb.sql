DROP TABLE IF EXISTS "temp"."main"."orders__verdicts";
CREATE TEMPORARY TABLE "temp"."main"."orders__verdicts" AS
SELECT s."_headrace_place", t.rowid AS "_headrace_held",
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
    SELECT *, rowid AS "_headrace_place", row_number() OVER (PARTITION BY "id" ORDER BY rowid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id";
DELETE FROM "raw"."orders" AS t
USING "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND t.rowid = v."_headrace_held" AND v."_headrace_verdict" IN ('update', 'delete');
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash", "previous_state", "state_changed_at")
SELECT s."id", s."state", s."updated_at", s."_headrace_hash", v."previous_state", v."state_changed_at"
FROM "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND v."_headrace_verdict" IN ('insert', 'update');
