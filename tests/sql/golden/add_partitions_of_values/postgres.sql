CREATE TABLE "raw"."orders__new_22af645d" (LIKE "raw"."orders");
ALTER TABLE "raw"."orders" ATTACH PARTITION "raw"."orders__new_22af645d" FOR VALUES IN ('it''s new');
