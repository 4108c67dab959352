"""Where arrived rows wait on disk until they are loaded: a package for each load, made of segments.

.headrace/landing/TARGET/SOURCE.STREAM/PACKAGE/
    package.json      what is being read: stream, from which cursor, since when
    journal.jsonl     a line for each segment that is safe: its file, its rows, the cursor it reaches, where to go on
    *.parquet         rows as they arrived (after an in-flight transform), with `_headrace_raw` gone and types inferred
    complete.json     the extraction came to its end
"""
