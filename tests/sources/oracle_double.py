"""What headrace calls of Oracle's driver, in front of SQLite: it knows of Oracle's SQL what headrace sends.

No wheel brings the server or a part of it, and its protocol is not published. What TO_CHAR and the catalog's views give is written
from Oracle's documentation; times are stored as `YYYY-MM-DD HH24:MI:SS.FF9`, with ` +HH:MM` where they have a zone.
"""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from types import SimpleNamespace

import oracledb
import pyarrow as pa


class Oracle:
    """Tables are made by `table(name, columns, rows)`; `said` are the statements that arrived."""

    def __init__(self):
        self.said: list[str] = []
        self.columns: dict[str, dict[str, str]] = {}
        self.indexes: dict[str, list[tuple[str, str, str]]] = {}
        self.store = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.options: dict[str, object] = {}
        teach = self.store.create_function
        teach("to_char", -1, _to_char)
        teach("sys_extract_utc", 1, lambda value: value and _utc(value))
        teach("nvl2", 3, lambda value, one, other: other if value is None else one)
        teach("rawtohex", 1, lambda value: value and value.hex().upper())
        teach("mod", 2, lambda value, by: value % by)
        for name in ("to_date", "to_timestamp", "to_timestamp_tz"):
            teach(name, 2, _moment)

    def connect(self, **options):
        if options["port"] == 1:
            raise oracledb.OperationalError("DPY-6005: cannot connect to database")
        self.options = options
        return _Session(self)

    def table(self, name, columns, rows=(), *, key=(), unique=()):
        """`columns` are names and Oracle's types, with ` NOT NULL` where that holds."""
        self.columns[name] = columns
        self.indexes[name] = [("PK", column, "N") for column in key]
        nulls = {column: "N" if "NOT NULL" in word else "Y" for column, word in columns.items()}
        self.indexes[name] += [("U1", column, nulls[column]) for column in unique]
        # Without types, so that SQLite keeps what it is given.
        self.store.execute(f'CREATE TABLE "{name}" ({", ".join(f"{chr(34)}{column}{chr(34)}" for column in columns)})')
        self.store.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(columns))})', rows)

    def run(self, sql):
        self.store.execute(sql)

    def answer(self, sql):
        """Rows, and what the driver would say of the columns."""
        self.said.append(sql)
        if sql.startswith(("ALTER SESSION", "SET TRANSACTION")):
            return [], None
        about = re.search(r"table_name = '(\w+)'", sql)
        if "all_constraints" in sql:
            return [(column,) for index, column, _ in self.indexes[about[1]] if index == "PK"], None
        if "all_indexes" in sql:
            return self.indexes[about[1]], None
        if "num_rows" in sql:
            rows = self.store.execute(f'SELECT count(*) FROM "{about[1]}"').fetchone()[0]
            return [(rows, rows * 100)], None
        if "all_tables" in sql:
            return [(name,) for name in self.columns], None
        if "all_users" in sql:
            return [("SHOP",)], None
        try:
            cursor = self.store.execute(_translated(sql))
        except sqlite3.Error as error:
            raise oracledb.DatabaseError(f"ORA-00942: {error}") from error
        known = {column: word for columns in self.columns.values() for column, word in columns.items()}
        return cursor.fetchall(), [_info(one[0], known.get(one[0], "VARCHAR2")) for one in cursor.description]


class _Session:
    def __init__(self, server):
        self.server = server

    def cursor(self):
        return _Cursor(self.server)

    def fetch_df_batches(self, statement, *, size):
        rows, _ = self.server.answer(statement)
        names = re.findall(r" AS (c\d+)", statement)
        for start in range(0, max(len(rows), 1), size):
            page = rows[start : start + size]
            columns = [[row[at] for row in page] for at in range(len(names))]
            yield pa.table([_large(pa.array(column)) for column in columns], names=[name.upper() for name in names])

    def close(self):
        self.server = None


class _Cursor:
    def __init__(self, server):
        self.server = server
        self.description = None
        self.found: list[tuple[object, ...]] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server = None

    def execute(self, sql):
        self.found, self.description = self.server.answer(sql)

    def fetchall(self):
        return self.found


def _large(column):
    return column.cast(pa.large_string()) if pa.types.is_string(column.type) else column


def _info(name, word):
    """As the driver describes a column of this type."""
    plain = word.removesuffix(" NOT NULL")
    head, _, digits = plain.partition("(")
    kind = {
        "VARCHAR2": "VARCHAR", "NVARCHAR2": "NVARCHAR", "INTEGER": "NUMBER", "FLOAT": "NUMBER",
        "INTERVAL YEAR TO MONTH": "INTERVAL_YM", "INTERVAL DAY TO SECOND": "INTERVAL_DS",
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ", "TIMESTAMP WITH LOCAL TIME ZONE": "TIMESTAMP_LTZ",
    }.get(head, head)  # fmt: skip
    precision, scale = None, None
    if kind == "NUMBER":
        said = [int(part) for part in re.findall(r"-?\d+", digits)]
        precision, scale = {"INTEGER": (39, 0), "FLOAT": (126, -127)}.get(head, (*said, 0)[:2] if said else (0, -127))
    code = getattr(oracledb, f"DB_TYPE_{kind}")
    return SimpleNamespace(name=name, type_code=code, precision=precision, scale=scale, null_ok=plain == word)


def _translated(sql):
    sql = re.sub(r"XMLSERIALIZE\(CONTENT (\S+) AS CLOB\)", r"\1", sql)
    sql = re.sub(r"JSON_SERIALIZE\((\S+) RETURNING CLOB\)", r"\1", sql)
    return re.sub(r" FETCH FIRST (\d) ROWS ONLY$", r" LIMIT \1", sql)


def _to_char(value, form=None, _nls=None):
    if value is None or form is None:
        return value
    if form == "TM9":
        return str(value)
    assert form.startswith("SYYYY-MM-DD HH24:MI:SS"), form
    moment, fraction, zone = re.fullmatch(r"(-?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{9})?( .*)?", value).groups()
    text = moment + ((fraction or ".000000000") if ".FF9" in form else "") + ((zone or "") if "TZR" in form else "")
    return text if text.startswith("-") else " " + text


def _utc(value):
    moment, fraction, offset = re.fullmatch(r"(\S+ [\d:]+)(\.\d{9})? (.*)", value).groups()
    return f"{datetime.fromisoformat(moment + offset).astimezone(UTC):%Y-%m-%d %H:%M:%S}" + (fraction or "")


def _moment(text, form):
    """A literal as the tables hold such a value."""
    if form == "YYYY-MM-DD HH24:MI:SS":
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    moment, fraction, zone = re.fullmatch(r"([\d-]+ [\d:]+)\.(\d+)( \S+)?", text).groups()
    assert form == "YYYY-MM-DD HH24:MI:SS.FF" + (" TZH:TZM" if zone else "")
    return f"{moment}.{fraction:<09}{zone or ''}"
