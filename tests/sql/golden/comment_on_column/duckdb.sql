COMMENT ON COLUMN "raw"."orders"."state" IS 'paid, sent or lost';
