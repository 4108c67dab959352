ALTER SESSION SET TIME_ZONE = '+00:00' NLS_SORT = BINARY NLS_COMP = BINARY NLS_NUMERIC_CHARACTERS = '.,';
SET TRANSACTION READ ONLY;
SELECT * FROM "ORDERS" WHERE 1 = 0;
SELECT NVL(SUM(num_rows), 0), NVL(SUM(num_rows * avg_row_len), 0) FROM all_tables WHERE owner = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') AND table_name = 'ORDERS';
SELECT k.column_name FROM all_constraints c JOIN all_cons_columns k ON k.owner = c.owner AND k.constraint_name = c.constraint_name WHERE c.owner = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') AND c.table_name = 'ORDERS' AND c.constraint_type = 'P' AND c.status = 'ENABLED' AND c.validated = 'VALIDATED' ORDER BY k.position;
SELECT i.index_name, k.column_name, c.nullable FROM all_indexes i JOIN all_ind_columns k ON k.index_owner = i.owner AND k.index_name = i.index_name JOIN all_tab_columns c ON c.owner = i.table_owner AND c.table_name = i.table_name AND c.column_name = k.column_name WHERE i.table_owner = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') AND i.table_name = 'ORDERS' AND i.uniqueness = 'UNIQUE' AND i.index_type = 'NORMAL' AND i.status <> 'UNUSABLE' ORDER BY i.index_name, k.column_position;
SELECT TO_CHAR("ID", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') FROM (SELECT "ID", row_number() OVER (ORDER BY "ID") AS headrace_row FROM "ORDERS") numbered WHERE MOD(headrace_row, 100) = 0 ORDER BY headrace_row;
SELECT "ID" AS c0, TO_CHAR("AMOUNT", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS c1 FROM "ORDERS" WHERE "ID" <= 99;
SELECT "ID" AS c0, TO_CHAR("AMOUNT", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS c1 FROM "ORDERS" WHERE "ID" > 99;
