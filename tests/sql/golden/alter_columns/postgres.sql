DROP VIEW "marts"."over";
ALTER TABLE "raw"."orders" ADD COLUMN "note" text;
ALTER TABLE "raw"."orders" ALTER COLUMN "id" TYPE bigint USING CAST("id" AS bigint);
ALTER TABLE "raw"."orders" ALTER COLUMN "price" TYPE double precision USING CAST("price" AS double precision);
CREATE VIEW "marts"."over" AS
SELECT id FROM raw.orders;
