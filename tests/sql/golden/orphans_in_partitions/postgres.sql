DELETE FROM "raw"."orders__lines" AS t
WHERE EXISTS (
    SELECT 1 FROM "raw"."orders__staged" AS s WHERE s."id" = t."_headrace_root_id"
) AND NOT EXISTS (
    SELECT 1 FROM "raw"."orders" AS r WHERE r."_headrace_row" = t."_headrace_root" AND r."day" >= CAST('2026-01-01' AS date) AND r."day" <= CAST('2026-01-31' AS date)
);
