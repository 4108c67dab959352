SELECT "id" AS c0 FROM (
SELECT id FROM orders
) q;
