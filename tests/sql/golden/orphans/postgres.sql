DELETE FROM "raw"."orders__lines" AS t
WHERE NOT EXISTS (
    SELECT 1 FROM "raw"."orders" AS r WHERE r."_headrace_row" = t."_headrace_root"
);
