CREATE TABLE "raw"."orders" (
    "id" bigint NOT NULL,
    "a ""quoted"" name" text,
    "price" numeric(18,3),
    "tags" jsonb,
    "place" jsonb,
    "raw" jsonb
) PARTITION BY RANGE ("id");
