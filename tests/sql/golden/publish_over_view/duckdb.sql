DROP VIEW "marts"."revenue";
ALTER TABLE "marts"."revenue__built" RENAME TO "revenue";
