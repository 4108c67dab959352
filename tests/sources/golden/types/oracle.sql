-- NUMBER(4,0) arrives as smallint
"C"
TO_CHAR("C", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')
-12.5

-- NUMBER(18,0) arrives as bigint
"C"
TO_CHAR("C", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')
-12.5

-- NUMBER(38,10) arrives as decimal(38,10)
TO_CHAR("C", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')
-12.5

-- NUMBER(0,-127) arrives as varchar
TO_CHAR("C", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')
'it''s'

-- BINARY_FLOAT arrives as float
"C"
TO_CHAR("C")
'it''s'

-- BINARY_DOUBLE arrives as double
"C"
TO_CHAR("C")
'it''s'

-- DATE arrives as timestamp
LTRIM(TO_CHAR("C", 'SYYYY-MM-DD HH24:MI:SS'))
TO_DATE('2024-02-29 00:00:00', 'YYYY-MM-DD HH24:MI:SS')
TO_DATE('2024-02-29 12:34:56', 'YYYY-MM-DD HH24:MI:SS')

-- TIMESTAMP arrives as timestamp
LTRIM(RTRIM(RTRIM(TO_CHAR("C", 'SYYYY-MM-DD HH24:MI:SS.FF9'), '0'), '.'))
TO_TIMESTAMP('2024-02-29 00:00:00.0', 'YYYY-MM-DD HH24:MI:SS.FF')
TO_TIMESTAMP('2024-02-29 12:34:56.5', 'YYYY-MM-DD HH24:MI:SS.FF')

-- TIMESTAMP_TZ arrives as timestamptz
LTRIM(RTRIM(RTRIM(TO_CHAR(SYS_EXTRACT_UTC("C"), 'SYYYY-MM-DD HH24:MI:SS.FF9'), '0'), '.')) || NVL2("C", '+00', NULL)
LTRIM(TO_CHAR("C", 'SYYYY-MM-DD HH24:MI:SS.FF9 TZR'))
TO_TIMESTAMP_TZ('2024-02-29 00:00:00.0 +00:00', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM')
TO_TIMESTAMP_TZ('2024-02-29 12:34:56.5 +00:00', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM')
TO_TIMESTAMP_TZ('2024-02-29 12:34:56.5 +02:00', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM')

-- TIMESTAMP_LTZ arrives as timestamptz
LTRIM(RTRIM(RTRIM(TO_CHAR(SYS_EXTRACT_UTC("C"), 'SYYYY-MM-DD HH24:MI:SS.FF9'), '0'), '.')) || NVL2("C", '+00', NULL)
LTRIM(TO_CHAR("C", 'SYYYY-MM-DD HH24:MI:SS.FF9 TZR'))
TO_TIMESTAMP_TZ('2024-02-29 00:00:00.0 +00:00', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM')
TO_TIMESTAMP_TZ('2024-02-29 12:34:56.5 +00:00', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM')
TO_TIMESTAMP_TZ('2024-02-29 12:34:56.5 +02:00', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM')

-- INTERVAL_YM arrives as varchar
TO_CHAR("C")
'it''s'

-- INTERVAL_DS arrives as varchar
TO_CHAR("C")
'it''s'

-- CHAR arrives as varchar
"C"
'it''s'

-- NVARCHAR arrives as varchar
"C"
'it''s'

-- CLOB arrives as varchar
"C"
TO_CHAR("C")
'it''s'

-- RAW arrives as blob
"C"
RAWTOHEX("C")
TO_CHAR("C")
'it''s'

-- BLOB arrives as blob
"C"
RAWTOHEX("C")
TO_CHAR("C")
'it''s'

-- ROWID arrives as varchar
CAST("C" AS VARCHAR2(4000))
'it''s'

-- XMLTYPE arrives as varchar
XMLSERIALIZE(CONTENT "C" AS CLOB)
'it''s'

-- JSON arrives as json
JSON_SERIALIZE("C" RETURNING CLOB)
'it''s'

-- BOOLEAN arrives as boolean
CASE WHEN "C" THEN 'true' WHEN NOT "C" THEN 'false' END
'it''s'

-- BFILE arrives as nothing: it is refused
