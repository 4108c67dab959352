ALTER SESSION SET TIME_ZONE = '+00:00' NLS_SORT = BINARY NLS_COMP = BINARY NLS_NUMERIC_CHARACTERS = '.,';
SET TRANSACTION READ ONLY;
SELECT table_name FROM all_tables WHERE owner = 'IT''S' AND nested = 'NO' AND secondary = 'N' AND dropped = 'NO' AND temporary = 'N';
SELECT username FROM all_users WHERE oracle_maintained = 'N';
