DROP VIEW "marts"."over";
DROP VIEW IF EXISTS "marts"."revenue";
CREATE VIEW "marts"."revenue" AS
SELECT 1 AS one;
CREATE VIEW "marts"."over" AS
SELECT one FROM x;
