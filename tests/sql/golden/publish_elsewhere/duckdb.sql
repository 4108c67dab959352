DROP TABLE "marts"."revenue";
CREATE TABLE "marts"."revenue" AS
SELECT * FROM "build"."revenue__built";
DROP TABLE "build"."revenue__built";
