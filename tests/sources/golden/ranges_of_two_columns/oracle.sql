SELECT TO_CHAR("A", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,'''), "B" FROM (SELECT "A", "B", row_number() OVER (ORDER BY "A", "B") AS headrace_row FROM "ORDERS") numbered WHERE MOD(headrace_row, 100) = 0 ORDER BY headrace_row;
SELECT "A" AS c0, "B" AS c1 FROM "ORDERS" WHERE ("A" < 0 OR ("A" = 0 AND "B" <= 'it''s 099'));
SELECT "A" AS c0, "B" AS c1 FROM "ORDERS" WHERE ("A" > 0 OR ("A" = 0 AND "B" > 'it''s 099')) AND ("A" < 1 OR ("A" = 1 AND "B" <= 'it''s 199'));
SELECT "A" AS c0, "B" AS c1 FROM "ORDERS" WHERE ("A" > 1 OR ("A" = 1 AND "B" > 'it''s 199'));
