MERGE INTO "raw"."orders" AS DBT_INTERNAL_DEST
USING "raw"."orders__staged" AS DBT_INTERNAL_SOURCE
ON (DBT_INTERNAL_DEST.state <> 'x') AND DBT_INTERNAL_DEST."id" = DBT_INTERNAL_SOURCE."id"
WHEN MATCHED THEN UPDATE SET "state" = DBT_INTERNAL_SOURCE."state", "updated_at" = DBT_INTERNAL_SOURCE."updated_at", "_headrace_hash" = DBT_INTERNAL_SOURCE."_headrace_hash"
WHEN NOT MATCHED THEN INSERT ("id", "state", "updated_at", "_headrace_hash")
VALUES (DBT_INTERNAL_SOURCE."id", DBT_INTERNAL_SOURCE."state", DBT_INTERNAL_SOURCE."updated_at", DBT_INTERNAL_SOURCE."_headrace_hash");
