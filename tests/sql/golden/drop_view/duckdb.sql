DROP VIEW IF EXISTS "marts"."revenue";
