SELECT REPLACE(REPLACE(CONCAT(CONVERT(nvarchar(40), MAX([at]), 121), N'|'), N'0|', N''), N'|', N'') FROM [events];
SELECT TOP (1) * FROM (SELECT [at] FROM [events] WHERE [at] IS NULL) AS one;
SELECT CONCAT(CONVERT(nvarchar(max), N''), CASE WHEN [id] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [id]) END, N',', CASE WHEN [at] IS NULL THEN N'' ELSE REPLACE(REPLACE(CONCAT(CONVERT(nvarchar(40), [at], 121), N'|'), N'0|', N''), N'|', N'') END) FROM [events];
