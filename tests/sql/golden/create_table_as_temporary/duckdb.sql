CREATE TEMPORARY TABLE "temp"."main"."found" AS
SELECT 1 AS one;
