CREATE TABLE "marts"."revenue" AS
SELECT 1 AS one;
