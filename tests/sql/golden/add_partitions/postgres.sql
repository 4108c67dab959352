CREATE TABLE "raw"."orders__2026_01" (LIKE "raw"."orders");
ALTER TABLE "raw"."orders" ATTACH PARTITION "raw"."orders__2026_01" FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE "raw"."orders__others" (LIKE "raw"."orders");
ALTER TABLE "raw"."orders" ATTACH PARTITION "raw"."orders__others" DEFAULT;
