DROP TABLE IF EXISTS "raw"."orders";
