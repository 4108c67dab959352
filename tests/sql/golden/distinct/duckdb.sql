DELETE FROM "raw"."orders__staged" WHERE rowid IN (
    SELECT r.place FROM (SELECT rowid AS place, row_number() OVER (PARTITION BY "id", "state" ORDER BY TRY_CAST("updated_at" AS TIMESTAMP WITH TIME ZONE) DESC NULLS LAST, TRY_CAST("updated_at" AS DECIMAL(38,9)) DESC NULLS LAST, "updated_at" DESC NULLS LAST, rowid DESC) AS nth FROM "raw"."orders__staged") AS r WHERE r.nth > 1
);
