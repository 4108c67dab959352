ALTER TABLE "marts"."revenue__built" RENAME TO "revenue";
