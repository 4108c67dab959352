UPDATE "raw"."orders" AS t
SET "_headrace_deleted" = TRUE
WHERE t."_headrace_deleted" IS NOT TRUE AND NOT EXISTS (
    SELECT 1 FROM "raw"."orders__staged" AS s WHERE s."id" = t."id"
);
