UPDATE "raw"."orders" AS t
SET "valid_to" = s."updated_at"
FROM "raw"."orders__staged" AS s
WHERE t."id" = s."id" AND t."state" = s."state"
    AND t."valid_to" IS NULL
    AND s."_headrace_hash" IS DISTINCT FROM t."_headrace_hash"
    AND s."updated_at" > t."valid_from";
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash", "valid_from", "valid_to")
SELECT s."id", s."state", s."updated_at", s."_headrace_hash", s."updated_at", NULL
FROM "raw"."orders__staged" AS s
WHERE NOT EXISTS (
    SELECT 1 FROM "raw"."orders" AS t WHERE t."id" = s."id" AND t."state" = s."state" AND t."valid_to" IS NULL
);
