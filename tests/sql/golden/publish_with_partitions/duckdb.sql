DROP TABLE "marts"."revenue";
ALTER TABLE "marts"."revenue__built" RENAME TO "revenue";
ALTER TABLE "marts"."revenue__built__2026_01" RENAME TO "revenue__2026_01";
ALTER TABLE "marts"."revenue__built__others" RENAME TO "revenue__others";
