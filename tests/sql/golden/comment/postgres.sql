COMMENT ON TABLE "raw"."orders" IS 'each order''s last state';
