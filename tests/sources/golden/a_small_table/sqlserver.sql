use [shop];
SET LANGUAGE us_english; SET DATEFORMAT ymd; SET CONCAT_NULL_YIELDS_NULL ON; SET TEXTSIZE 2147483647;
SELECT CONVERT(nvarchar(20), CONVERT(bigint, MIN_ACTIVE_ROWVERSION()));
SELECT CONVERT(int, snapshot_isolation_state) FROM sys.databases WHERE database_id = DB_ID();
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION;
SELECT name, COALESCE(system_type_name, user_type_name), CONVERT(int, is_nullable), collation_name, error_message FROM sys.dm_exec_describe_first_result_set(N'SELECT * FROM [orders]', NULL, 0) WHERE COALESCE(is_hidden, 0) = 0 ORDER BY column_ordinal;
SELECT CONVERT(bigint, COALESCE(SUM(CASE WHEN a.type = 1 THEN p.rows ELSE 0 END), 0)), CONVERT(bigint, COALESCE(SUM(a.total_pages), 0)) * 8192 FROM sys.partitions AS p JOIN sys.allocation_units AS a ON a.container_id = p.partition_id WHERE p.object_id = OBJECT_ID(N'[orders]') AND p.index_id IN (0, 1);
SELECT CONCAT(CONVERT(nvarchar(max), N''), CASE WHEN [id] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [id]) END, N',', CASE WHEN [amount] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [amount]) END) FROM [orders];
