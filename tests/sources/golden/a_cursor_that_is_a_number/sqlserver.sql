SELECT CONVERT(nvarchar(max), MAX([id])) FROM [orders];
SELECT CONCAT(CONVERT(nvarchar(max), N''), CASE WHEN [id] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [id]) END, N',', CASE WHEN [amount] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [amount]) END) FROM [orders];
SELECT CONVERT(nvarchar(max), MAX([id])) FROM [orders] WHERE (([id] >= 1) OR [id] IS NULL);
SELECT CONCAT(CONVERT(nvarchar(max), N''), CASE WHEN [id] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [id]) END, N',', CASE WHEN [amount] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [amount]) END) FROM [orders] WHERE (([id] >= 1) OR [id] IS NULL);
