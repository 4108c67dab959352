DELETE FROM "raw"."orders" AS t
WHERE NOT EXISTS (
    SELECT 1 FROM "raw"."orders__staged" AS s WHERE s."id" = t."id" AND s."state" = t."state"
);
