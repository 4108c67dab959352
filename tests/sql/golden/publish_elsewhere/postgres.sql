DROP TABLE "marts"."revenue";
ALTER TABLE "build"."revenue__built" SET SCHEMA "marts";
ALTER TABLE "marts"."revenue__built" RENAME TO "revenue";
