COMMENT ON VIEW "marts"."revenue" IS 'money by day';
