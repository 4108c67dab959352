DROP VIEW "marts"."second";
DROP VIEW "marts"."first";
DROP TABLE "marts"."revenue";
ALTER TABLE "marts"."revenue__built" RENAME TO "revenue";
CREATE VIEW "marts"."first" AS
SELECT 1 FROM marts.revenue;
CREATE VIEW "marts"."second" AS
SELECT 1 FROM marts.first;
