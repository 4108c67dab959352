-- bit arrives as boolean
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [c]) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), [c]) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
N'it''s'

-- tinyint arrives as smallint
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [c]) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), [c]) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
-12.5

-- bigint arrives as bigint
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [c]) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), [c]) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
-12.5

-- decimal(38,10) arrives as decimal(38,10)
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(max), [c]) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), [c]) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
-12.5

-- money arrives as decimal(19,4)
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(40), [c], 2) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(40), [c], 2) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
-12.5

-- smallmoney arrives as decimal(10,4)
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(40), [c], 2) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(40), [c], 2) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
-12.5

-- real arrives as float
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(40), CONVERT(float, [c]), 3) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(40), CONVERT(float, [c]), 3) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
N'it''s'

-- float arrives as double
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(40), CONVERT(float, [c]), 3) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(40), CONVERT(float, [c]), 3) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
N'it''s'

-- date arrives as date
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(10), [c], 23) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(10), [c], 23) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
CAST(N'2024-02-29' AS date)
CAST(N'2024-02-29 12:34:56.5' AS date)
CAST(N'2024-02-29 12:34:56.5+02' AS date)

-- time(7) arrives as time
CASE WHEN [c] IS NULL THEN N'' ELSE REPLACE(REPLACE(CONCAT(CONVERT(nvarchar(40), [c], 121), N'|'), N'0|', N''), N'|', N'') END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(40), [c], 121) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
N'it''s'

-- datetime arrives as timestamp
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(30), [c], 121) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(30), [c], 121) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
CAST(CAST(N'2024-02-29' AS datetime2(3)) AS datetime)
CAST(CAST(N'2024-02-29T12:34:56.5' AS datetime2(3)) AS datetime)
CAST(CAST(N'2024-02-29T12:34:56.5+02:00' AS datetime2(3)) AS datetime)

-- datetime2(7) arrives as timestamp
CASE WHEN [c] IS NULL THEN N'' ELSE REPLACE(REPLACE(CONCAT(CONVERT(nvarchar(40), [c], 121), N'|'), N'0|', N''), N'|', N'') END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(40), [c], 121) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
CAST(N'2024-02-29' AS datetime2(7))
CAST(N'2024-02-29T12:34:56.5' AS datetime2(7))
CAST(N'2024-02-29T12:34:56.5+02:00' AS datetime2(7))

-- datetime2(3) arrives as timestamp
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(40), [c], 121) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(40), [c], 121) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
CAST(N'2024-02-29' AS datetime2(7))
CAST(N'2024-02-29T12:34:56.5' AS datetime2(7))
CAST(N'2024-02-29T12:34:56.5+02:00' AS datetime2(7))

-- datetimeoffset(7) arrives as timestamptz
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(REPLACE(REPLACE(CONCAT(CONVERT(nvarchar(40), CONVERT(datetime2(7), SWITCHOFFSET([c], N'+00:00')), 121), N'|'), N'0|', N''), N'|', N''), N'+00') END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(40), [c], 121) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
CAST(N'2024-02-29' AS datetimeoffset(7))
CAST(N'2024-02-29T12:34:56.5' AS datetimeoffset(7))
CAST(N'2024-02-29T12:34:56.5+02:00' AS datetimeoffset(7))

-- uniqueidentifier arrives as uuid
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(LOWER(CONVERT(nvarchar(36), [c])) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
CAST(N'it''s' AS uniqueidentifier)

-- char(5) arrives as varchar
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), [c]) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c] COLLATE Latin1_General_BIN2
CAST(N'it''s' COLLATE Latin1_General_CI_AS AS varchar(8000))

-- nvarchar(max) arrives as varchar
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), [c]) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c] COLLATE Latin1_General_BIN2
N'it''s'

-- xml arrives as varchar
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), [c]) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
N'it''s'

-- hierarchyid arrives as varchar
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), [c]) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
N'it''s'

-- json arrives as json
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), [c]) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
N'it''s'

-- varbinary(max) arrives as blob
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'\x', CONVERT(nvarchar(max), CONVERT(varbinary(max), [c]), 2)) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), CONVERT(varbinary(max), [c]), 1) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
N'it''s'

-- geography arrives as blob
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'\x', CONVERT(nvarchar(max), CONVERT(varbinary(max), [c]), 2)) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(max), CONVERT(varbinary(max), [c]), 1) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
N'it''s'

-- rowversion arrives as bigint
CASE WHEN [c] IS NULL THEN N'' ELSE CONVERT(nvarchar(20), CONVERT(bigint, CONVERT(binary(8), [c]))) END
CASE WHEN [c] IS NULL THEN N'' ELSE CONCAT(N'"', REPLACE(CONVERT(nvarchar(20), CONVERT(bigint, CONVERT(binary(8), [c]))) COLLATE Latin1_General_BIN2, N'"', N'""'), N'"') END
[c]
CONVERT(binary(8), CONVERT(bigint, 7))

-- sql_variant arrives as nothing: it is refused
