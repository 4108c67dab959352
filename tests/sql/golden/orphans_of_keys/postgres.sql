DELETE FROM "raw"."orders__lines" AS t
WHERE (t."_headrace_root_id" IS NULL OR EXISTS (
    SELECT 1 FROM "raw"."orders__staged" AS s WHERE s."id" = t."_headrace_root_id"
)) AND NOT EXISTS (
    SELECT 1 FROM "raw"."orders" AS r WHERE r."_headrace_row" = t."_headrace_root"
);
