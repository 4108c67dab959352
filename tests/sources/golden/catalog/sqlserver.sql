use [shop];
SET LANGUAGE us_english; SET DATEFORMAT ymd; SET CONCAT_NULL_YIELDS_NULL ON; SET TEXTSIZE 2147483647;
SELECT CONVERT(nvarchar(20), CONVERT(bigint, MIN_ACTIVE_ROWVERSION()));
SELECT CONVERT(int, snapshot_isolation_state) FROM sys.databases WHERE database_id = DB_ID();
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION;
SELECT t.name FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE s.name = COALESCE(N'it''s', SCHEMA_NAME()) AND t.is_ms_shipped = 0;
SELECT name FROM sys.schemas WHERE schema_id < 16384 AND name NOT IN (N'sys', N'INFORMATION_SCHEMA', N'guest');
