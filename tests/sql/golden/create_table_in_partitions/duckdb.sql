CREATE TABLE "raw"."orders" (
    "id" BIGINT NOT NULL,
    "a ""quoted"" name" VARCHAR,
    "price" DECIMAL(18,3),
    "tags" VARCHAR[],
    "place" STRUCT("lat" DOUBLE, "at" TIMESTAMP WITH TIME ZONE),
    "raw" JSON
);
