DELETE FROM "raw"."orders__staged" WHERE ctid IN (
    SELECT r.place FROM (SELECT ctid AS place, row_number() OVER (PARTITION BY "id", "state" ORDER BY CASE WHEN pg_input_is_valid("updated_at", 'TIMESTAMP WITH TIME ZONE') THEN CAST("updated_at" AS TIMESTAMP WITH TIME ZONE) END DESC NULLS LAST, CASE WHEN pg_input_is_valid("updated_at", 'DECIMAL(38,9)') THEN CAST("updated_at" AS DECIMAL(38,9)) END DESC NULLS LAST, "updated_at" DESC NULLS LAST, ctid DESC) AS nth FROM "raw"."orders__staged") AS r WHERE r.nth > 1
);
