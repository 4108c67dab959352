UPDATE "raw"."orders" AS t
SET "valid_to" = s."updated_at"
FROM "raw"."orders__staged" AS s
WHERE t."id" = s."id"
    AND t."valid_to" IS NULL
    AND s."_headrace_hash" IS DISTINCT FROM t."_headrace_hash"
    AND s."updated_at" > t."valid_from";
UPDATE "raw"."orders" AS t
SET "valid_to" = current_timestamp
WHERE t."valid_to" IS NULL AND NOT EXISTS (
    SELECT 1 FROM "raw"."orders__staged" AS s WHERE t."id" = s."id"
);
INSERT INTO "raw"."orders" ("id", "state", "updated_at", "_headrace_hash", "valid_from", "valid_to")
SELECT s."id", s."state", s."updated_at", s."_headrace_hash", GREATEST(s."updated_at", e."valid_to"), NULL
FROM "raw"."orders__staged" AS s
LEFT JOIN (
    SELECT "id", max("valid_to") AS "valid_to"
    FROM "raw"."orders"
    GROUP BY "id"
) AS e ON e."id" = s."id"
WHERE NOT EXISTS (
    SELECT 1 FROM "raw"."orders" AS t WHERE t."id" = s."id" AND t."valid_to" IS NULL
);
