DROP TABLE IF EXISTS "temp"."main"."orders__verdicts";
CREATE TEMPORARY TABLE "temp"."main"."orders__verdicts" AS
SELECT s."_headrace_place", t.rowid AS "_headrace_held",
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
    SELECT *, rowid AS "_headrace_place", row_number() OVER (PARTITION BY "id" ORDER BY "updated_at" DESC NULLS LAST, COALESCE("_headrace_deleted", FALSE) DESC, rowid DESC) AS "_headrace_rank"
    FROM "raw"."orders__staged"
) AS s
LEFT JOIN "raw"."orders" AS t ON t."id" = s."id"
LEFT JOIN "raw"."orders__tombstones" AS d ON d."id" = s."id";
DELETE FROM "raw"."orders__tombstones" AS d
USING "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND d."id" = s."id" AND COALESCE(s."_headrace_deleted", FALSE) AND v."_headrace_verdict" IN ('delete', 'unchanged');
INSERT INTO "raw"."orders__tombstones" ("id", "updated_at")
SELECT s."id", s."updated_at"
FROM "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND COALESCE(s."_headrace_deleted", FALSE) AND v."_headrace_verdict" IN ('delete', 'unchanged');
DELETE FROM "raw"."orders" AS t
USING "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND t.rowid = v."_headrace_held" AND (v."_headrace_verdict" IN ('update', 'delete') OR (v."_headrace_verdict" = 'unchanged' AND v."_headrace_newer" AND NOT COALESCE(s."_headrace_deleted", FALSE)));
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash")
SELECT s."id", s."state", s."updated_at", s."_headrace_hash"
FROM "raw"."orders__staged" AS s, "temp"."main"."orders__verdicts" AS v
WHERE v."_headrace_place" = s.rowid AND (v."_headrace_verdict" IN ('insert', 'update') OR (v."_headrace_verdict" = 'unchanged' AND v."_headrace_newer" AND NOT COALESCE(s."_headrace_deleted", FALSE)));
