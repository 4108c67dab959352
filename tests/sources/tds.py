"""A server that speaks the protocol of SQL Server over loopback, in front of SQLite: it knows of T-SQL what headrace sends.

What CONVERT, SWITCHOFFSET and the catalog views give is written from Microsoft's documentation. Rows are stored as the documentation
says that style 121 writes them, money with four digits, floats as numbers.
"""

from __future__ import annotations

import re
import socketserver
import sqlite3
import ssl
import struct
import threading
from datetime import UTC, datetime

_DONE = 0xFD


class SqlServer:
    """Tables are made by `table(name, columns, rows)`; `said` are the batches that arrived. `snapshots` is what the database allows.

    With `tls`, a context of Python's ssl, all that follows the first packet is encrypted, as of a server that demands it.
    """

    def __init__(self, *, snapshots=True, tls=None):
        self.tls = tls
        self.snapshots = snapshots
        self.said: list[str] = []
        self.columns: dict[str, list[tuple[str, str, int, str | None]]] = {}
        self.indexes: dict[str, list[tuple[int, int, str, int]]] = {}
        self.active = 2000
        self.store = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.lock = threading.Lock()
        self._teach()
        server = self

        class Talk(socketserver.BaseRequestHandler):
            def handle(self):
                _talk(self.request, server)

        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk)
        self._tcp.daemon_threads = True
        threading.Thread(target=self._tcp.serve_forever, daemon=True).start()
        self.port = self._tcp.server_address[1]
        self.url = f"mssql://reader:s3cret@127.0.0.1:{self.port}/shop?encrypt=no"

    def close(self):
        self._tcp.shutdown()
        self._tcp.server_close()
        self.store.close()

    def table(self, name, columns, rows=(), *, key=(), unique=(), collation="Latin1_General_CI_AS"):
        """`columns` are names and T-SQL types, with ` NOT NULL` where that holds."""
        described = []
        for column, word in columns.items():
            plain = word.removesuffix(" NOT NULL")
            text = collation if re.match(r"n?(var)?char|n?text|sysname", plain) else None
            described.append((column, plain, int(plain == word), text))
        self.columns[name] = described
        nulls = {column: nullable for column, _, nullable, _ in described}
        self.indexes[name] = [(1, 1, column, nulls[column]) for column in key]
        self.indexes[name] += [(2, 0, column, nulls[column]) for column in unique]
        self.store.execute(f"CREATE TABLE [{name}] ({', '.join(f'[{column}]' for column in columns)})")
        self.store.executemany(f"INSERT INTO [{name}] VALUES ({', '.join('?' * len(columns))})", rows)

    def run(self, sql, *values):
        self.store.execute(sql, values)

    def answer(self, sql):
        """Names and rows; None for a statement that gives none."""
        self.said.append(sql)
        if sql.startswith(("SET ", "use ")) or "BEGIN TRANSACTION" in sql:
            return None
        if "sys.databases" in sql:
            return ["state"], [(int(self.snapshots),)]
        if "dm_exec_describe_first_result_set" in sql:
            return self._described(sql)
        if "sys.indexes" in sql:
            return ["i", "p", "n", "u"], self.indexes[_named(sql)]
        if "sys.tables" in sql:
            return ["name"], [(name,) for name in self.columns]
        if "sys.schemas" in sql:
            return ["name"], [("dbo",)]
        if "sys.partitions" in sql:
            rows = self.store.execute(f"SELECT count(*) FROM [{_named(sql)}]").fetchone()[0]
            return ["rows", "size"], [(rows, rows * 100)]
        if "MIN_ACTIVE_ROWVERSION" in sql:
            return ["active"], [(str(self.active),)]
        cursor = self.store.execute(_translated(sql))
        return [column[0] for column in cursor.description], cursor.fetchall()

    def _described(self, sql):
        inner = re.search(r"result_set\(N'(.*)', NULL, 0\)", sql, re.DOTALL)[1].replace("''", "'")
        names = ["name", "word", "nullable", "collation", "error"]
        table = re.fullmatch(r"SELECT \* FROM (?:\[dbo\]\.)?\[(\w+)\]", inner)
        if table and table[1] in self.columns:
            return names, [(*column, None) for column in self.columns[table[1]]]
        try:
            found = self.store.execute(_translated(inner)).description
        except sqlite3.Error:
            missing = table[1] if table else inner
            return names, [(None, None, None, None, f"Invalid object name '{missing}'.")]
        known = {column[0]: column for columns in self.columns.values() for column in columns}
        return names, [(*known.get(name[0], (name[0], "int", 1, None)), None) for name in found]

    def _teach(self):
        teach = self.store.create_function
        teach("tconvert", 2, lambda kind, value: _convert(kind, value, 0))
        teach("tconvert", 3, _convert)
        teach("switchoffset", 2, lambda value, _: value and _utc(value))
        teach("concat", -1, lambda *parts: "".join("" if part is None else str(part) for part in parts))
        self.store.create_collation("Latin1_General_BIN2", lambda a, b: (a > b) - (a < b))
        self.store.create_collation(
            "Latin1_General_CI_AS", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower())
        )


def _named(sql):
    return re.search(r"OBJECT_ID\(N'(?:\[dbo\]\.)?\[(\w+)\]'\)", sql)[1]


def _translated(sql):
    """T-SQL as SQLite reads it. Types are arguments there, and the literal's N is a function of nothing."""
    sql = re.sub(r"CONVERT\(([a-z0-9]+(?:\((?:\w+)\))?), ", r"tconvert('\1', ", sql)
    sql = re.sub(r"(?<![\w'])N'", "'", sql)
    sql = re.sub(r"SELECT TOP \(1\) (.*)$", r"SELECT \1 LIMIT 1", sql, flags=re.DOTALL)
    sql = re.sub(r"AS (?:datetime2|datetimeoffset|varchar)\(\d+\)\)", "AS TEXT)", sql)
    sql = re.sub(r"AS (?:datetime|date|uniqueidentifier)\)", "AS TEXT)", sql)
    # SQLite compares times as texts: a literal in ISO's form has to look as they are stored.
    sql = re.sub(r"'(\d{4}-\d\d-\d\d)T([^']*)'", r"'\1 \2'", sql)
    return sql.replace("[dbo].", "")


def _convert(kind, value, style):
    if value is None:
        return None
    if kind == "float":
        return float(value)
    if kind.startswith("nvarchar") and isinstance(value, float):
        assert style == 3, "a float without style 3 loses digits"
        mantissa, _, power = f"{value:.16e}".partition("e")
        return f"{mantissa}e{int(power):+04d}"
    if kind.startswith("nvarchar") and isinstance(value, bytes):
        assert style in (1, 2), "bytes without a style are taken for characters"
        return ("0x" if style == 1 else "") + value.hex().upper()
    return str(value) if kind.startswith("nvarchar") else value


def _utc(value):
    """`2024-02-29 12:00:00.1234567 +02:00` in UTC, with its seven digits."""
    moment, digits, offset = re.fullmatch(r"([\d: -]+?)(\.\d+)? ([+-]\d\d:\d\d)", value).groups()
    at = datetime.fromisoformat(f"{moment}{offset}").astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}".rjust(19, "0") + (digits or "")


class _Encrypted:
    """The socket's other side of TLS, whose handshake goes in packets of the protocol."""

    def __init__(self, sock, context):
        self.sock = sock
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.inner = context.wrap_bio(self.arrived, self.leaving, server_side=True)

    def shake_hands(self):
        """Whether the client trusts the certificate."""
        while True:
            try:
                self.inner.do_handshake()
            except ssl.SSLWantReadError:
                self._flush_as_packet()
                kind, body = _packet(self.sock)
                if kind != 0x12:
                    return False
                self.arrived.write(body)
            except ssl.SSLError:
                return False
            else:
                self._flush_as_packet()
                return True

    def _flush_as_packet(self):
        if data := self.leaving.read():
            _send(self.sock, data, kind=0x12)

    def recv(self, count):
        while True:
            try:
                return self.inner.read(count)
            except ssl.SSLWantReadError:
                more = self.sock.recv(65536)
                if not more:
                    return b""
                self.arrived.write(more)
            except ssl.SSLZeroReturnError:
                return b""

    def sendall(self, data):
        self.inner.write(data)
        self.sock.sendall(self.leaving.read())


def _talk(sock, server):
    while True:
        kind, body = _packet(sock)
        if kind is None:
            return
        if kind == 0x12:  # PRELOGIN: version, and whether all is encrypted
            head = b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff" + b"\x10\x00\x00\x00\x00\x00"
            able = _encryption(body) != 2
            _send(sock, head + (b"\x02" if not server.tls else b"\x01" if able else b"\x03"))
            if server.tls and able:
                sock = _Encrypted(sock, server.tls)
                if not sock.shake_hands():
                    return
        elif kind == 0x10:  # LOGIN7
            name = "Microsoft SQL Server".encode("utf-16le")
            said = b"\x01" + struct.pack(">I", 0x74000004) + bytes([len(name) // 2]) + name + b"\x10\x00\x00\x00"
            _send(sock, b"\xad" + struct.pack("<H", len(said)) + said + _done())
        elif kind == 0x01:  # SQL batch
            (headers,) = struct.unpack_from("<I", body)
            _send(sock, _answered(server, body[headers:].decode("utf-16le")))
        elif kind == 0x06:  # attention: what was sent is all there is, and this is its end
            _send(sock, _done(0x20))
        else:
            raise AssertionError(f"packet {kind}")


def _encryption(body):
    """What the client said of it: 2 if it cannot."""
    at = 0
    while body[at] != 0xFF:
        kind, offset, _ = struct.unpack_from(">BHH", body, at)
        if kind == 1:
            return body[offset]
        at += 5
    return 2


def _answered(server, sql):
    try:
        with server.lock:
            found = server.answer(sql)
    except sqlite3.Error as error:
        return _error(str(error)) + _done(0x02)
    if found is None:
        return _done()
    names, rows = found
    whole = [all(isinstance(row[at], int | None) for row in rows) for at in range(len(names))]
    out = [b"\x81" + struct.pack("<H", len(names))]
    for name, number in zip(names, whole, strict=True):
        kind = b"\x26\x08" if number else b"\xe7\xff\xff\x09\x04\xd0\x00\x34"
        out.append(struct.pack("<IH", 0, 9) + kind + bytes([len(name[:100])]) + name[:100].encode("utf-16le"))
    for row in rows:
        out.append(b"\xd1")
        out += [_cell(value, number) for value, number in zip(row, whole, strict=True)]
    return b"".join(out) + _done(0x10, len(rows))


def _cell(value, number):
    if number:
        return b"\x00" if value is None else b"\x08" + struct.pack("<q", value)
    if value is None:
        return b"\xff" * 8
    data = str(value).encode("utf-16le", "surrogatepass")
    return struct.pack("<Q", len(data)) + (struct.pack("<I", len(data)) + data if data else b"") + b"\x00\x00\x00\x00"


def _error(said):
    text = said.encode("utf-16le")
    inner = struct.pack("<IBBH", 208, 1, 16, len(text) // 2) + text + b"\x00\x00" + struct.pack("<I", 1)
    return b"\xaa" + struct.pack("<H", len(inner)) + inner


def _done(status=0, rows=0):
    return struct.pack("<BHHQ", _DONE, status, 0, rows)


def _packet(sock):
    body = b""
    while True:
        header = _exactly(sock, 8)
        if header is None:
            return None, b""
        kind, status, length = struct.unpack_from(">BBH", header)
        body += _exactly(sock, length - 8) or b""
        if status & 1:
            return kind, body


def _exactly(sock, count):
    data = b""
    while len(data) < count:
        try:
            more = sock.recv(count - len(data))
        except OSError:
            return None
        if not more:
            return None
        data += more
    return data


def _send(sock, body, kind=4):
    pieces = [body[at : at + 4088] for at in range(0, len(body), 4088)] or [b""]
    try:
        for at, piece in enumerate(pieces):
            sock.sendall(struct.pack(">BBHHBB", kind, int(at == len(pieces) - 1), len(piece) + 8, 0, 1, 0) + piece)
    except OSError:
        return
