UPDATE "raw"."orders" AS t
SET "valid_to" = TIMESTAMP '2026-01-04 00:00:00'
WHERE t."valid_to" IS NULL AND NOT EXISTS (
    SELECT 1 FROM "raw"."orders__staged" AS s WHERE s."id" = t."id"
);
