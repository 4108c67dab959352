ALTER TABLE "raw"."orders" ADD COLUMN "note" VARCHAR;
