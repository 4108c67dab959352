DROP TABLE IF EXISTS "temp"."main"."orders__verdicts";
CREATE TEMPORARY TABLE "temp"."main"."orders__verdicts" AS
SELECT s.*,
    CASE
        WHEN s."_headrace_rank" > 1 THEN 'duplicate'
        WHEN d."id" IS NOT NULL AND (s."updated_at" > d."updated_at" OR (s."updated_at" IS NOT NULL AND d."updated_at" IS NULL)) IS NOT TRUE THEN 'duplicate'
        WHEN t."id" IS NULL AND COALESCE(s."_headrace_deleted", FALSE) THEN 'unchanged'
        WHEN t."id" IS NULL THEN 'insert'
        WHEN t."updated_at" > s."updated_at" OR (t."updated_at" IS NOT NULL AND s."updated_at" IS NULL) THEN 'duplicate'
        WHEN COALESCE(s."_headrace_deleted", FALSE) THEN 'delete'
        WHEN t."_headrace_hash" = s."_headrace_hash" THEN 'unchanged'
        ELSE 'update'
    END AS "_headrace_verdict",
    COALESCE(s."updated_at" > t."updated_at" OR (s."updated_at" IS NOT NULL AND t."updated_at" IS NULL), FALSE) AS "_headrace_newer"
FROM (
    SELECT *, row_number() OVER (PARTITION BY "id" ORDER BY "updated_at" DESC NULLS LAST, COALESCE("_headrace_deleted", FALSE) DESC, rowid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id"
LEFT JOIN "raw"."orders__tombstones" AS d ON d."id" = s."id";
DELETE FROM "raw"."orders__tombstones" AS d
USING "temp"."main"."orders__verdicts" AS v
WHERE d."id" = v."id" AND COALESCE(v."_headrace_deleted", FALSE) AND v."_headrace_verdict" IN ('delete', 'unchanged');
INSERT INTO "raw"."orders__tombstones" ("id", "updated_at")
SELECT v."id", v."updated_at"
FROM "temp"."main"."orders__verdicts" AS v
WHERE COALESCE(v."_headrace_deleted", FALSE) AND v."_headrace_verdict" IN ('delete', 'unchanged');
DELETE FROM "raw"."orders" AS t
USING "temp"."main"."orders__verdicts" AS v
WHERE t."id" = v."id" AND (v."_headrace_verdict" IN ('update', 'delete') OR (v."_headrace_verdict" = 'unchanged' AND v."_headrace_newer" AND NOT COALESCE(v."_headrace_deleted", FALSE)));
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT v."id", v."state", v."updated_at", v."_headrace_hash"
FROM "temp"."main"."orders__verdicts" AS v
WHERE (v."_headrace_verdict" IN ('insert', 'update') OR (v."_headrace_verdict" = 'unchanged' AND v."_headrace_newer" AND NOT COALESCE(v."_headrace_deleted", FALSE)));
