SELECT TO_CHAR("ID", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') FROM (SELECT "ID", row_number() OVER (ORDER BY "ID") AS headrace_row FROM "ORDERS" WHERE (amount > 0 OR id = 7)) numbered WHERE MOD(headrace_row, 100) = 0 ORDER BY headrace_row;
SELECT "ID" AS c0, TO_CHAR("AMOUNT", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS c1 FROM "ORDERS" WHERE (amount > 0 OR id = 7) AND "ID" <= 99;
SELECT "ID" AS c0, TO_CHAR("AMOUNT", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS c1 FROM "ORDERS" WHERE (amount > 0 OR id = 7) AND "ID" > 99;
