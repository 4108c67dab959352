SELECT CONCAT(CONVERT(nvarchar(max), N''), CASE WHEN [id] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [id]) END) FROM (
SELECT id FROM orders
) AS q;
