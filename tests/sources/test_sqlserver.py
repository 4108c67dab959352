"""SQL Server as a source, over its own protocol, from a double of it: no wheel brings the server itself."""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import closing
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
import sources_pulling as pulling
import sources_tds as tds
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from headrace.errors import ConfigInvalid, SourceRefused, SourceUnavailable


@pytest.fixture
def shop():
    made = tds.SqlServer()
    yield made
    made.close()


@pytest.fixture
def pull(shop, tmp_path):
    made = pulling.Pull(shop.url, tmp_path, rows_per_batch=100, schema="dbo")
    yield made
    made.close()


def orders(shop, rows=450):
    values = [(n, f"{n}.25", f'it\'s \\ "{n}"') for n in range(1, rows + 1)]
    shop.table("orders", {"id": "int NOT NULL", "amount": "decimal(12,2)", "note": "nvarchar(50)"}, values, key=("id",))


def test_a_table_arrives_whole_in_ranges_of_its_key(shop, pull):
    orders(shop)

    entry = pull.load("orders")

    assert (entry.read, entry.inserted, entry.quarantined) == (450, 450, 0)
    assert pull.rows("SELECT note, CAST(amount AS VARCHAR) FROM raw.orders WHERE id = 7") == [('it\'s \\ "7"', "7.25")]
    assert len(pull.landing.loaded("shop.orders")[0].segments) == 5
    assert any("WHERE [id] > 100 AND [id] <= 200" in sql for sql in shop.said)
    assert "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION" in shop.said


def test_a_key_of_several_columns_is_compared_one_by_one(shop, pull):
    values = [(n % 7, f"k{n}", "x") for n in range(555)]
    shop.table("things", {"a": "int NOT NULL", "b": "varchar(9) NOT NULL", "c": "varchar(9)"}, values, key=("a", "b"))

    entry = pull.load("things")

    assert entry.inserted == 555
    assert pull.rows("SELECT count(*) FROM (SELECT DISTINCT a, b FROM raw.things)") == [(555,)]
    assert any(
        "([a] > 1 OR ([a] = 1 AND [b] > CAST(N'k" in sql and "COLLATE Latin1_General_CI_AS AS varchar(8000))" in sql
        for sql in shop.said
    )


def test_a_unique_index_stands_in_for_a_key(shop, pull):
    shop.table("things", {"a": "bigint NOT NULL"}, [(2**60 + n,) for n in range(300)], unique=("a",))

    assert pull.load("things").inserted == 300
    assert len(pull.landing.loaded("shop.things")[0].segments) == 4


def test_a_broken_read_gives_each_row_once(shop, pull):
    orders(shop)
    with pytest.raises(pulling.Broken):
        pull.load("orders", stop_after=2)

    assert pull.load("orders").inserted == 450
    assert pull.rows("SELECT count(DISTINCT id) FROM raw.orders") == [(450,)]


def test_a_rowversion_is_a_cursor_that_misses_no_transaction_that_commits_late(shop, pull):
    shop.table("items", {"id": "int NOT NULL", "rv": "timestamp NOT NULL"}, [(1, 1001), (3, 1003)], key=("id",))
    shop.active = 1002  # a transaction that is open has taken this one
    first = pull.load("items", incremental="rv")
    shop.run("INSERT INTO items VALUES (2, 1002)")
    shop.active = 1004

    second = pull.load("items", incremental="rv")

    assert (first.inserted, first.cursor_value) == (2, "1002")
    assert (second.inserted, second.cursor_value) == (1, "1004")
    assert any("[rv] >= CONVERT(binary(8), CONVERT(bigint, 1002))" in sql for sql in shop.said)


def test_a_database_that_counts_from_the_beginning_again_is_told(shop, pull):
    shop.table("items", {"id": "int NOT NULL", "rv": "timestamp NOT NULL"}, [(1, 1001)], key=("id",))
    pull.load("items", incremental="rv")
    shop.active = 3

    with pytest.raises(SourceRefused, match="was restored"):
        pull.load("items", incremental="rv")


def test_only_what_is_new_is_read_by_a_time(shop, pull):
    columns = {"id": "int NOT NULL", "changed": "datetime2(7)"}
    shop.table("events", columns, [(1, "2024-01-01 10:00:00.0000000"), (2, None)], key=("id",))
    pull.load("events", incremental="changed")
    shop.run("INSERT INTO events VALUES (3, '2024-01-02 10:00:00.1234560')")

    entry = pull.load("events", incremental={"cursor_path": "changed", "lag": 60})

    assert (entry.inserted, entry.cursor_value) == (1, "2024-01-02 10:00:00.123456")
    assert any("[changed] >= CAST(N'2024-01-01T09:59:00" in sql for sql in shop.said)


CELLS = [
    ("bit", 1, "true"),
    ("tinyint", 255, "255"),
    ("bigint", -(2**63), "-9223372036854775808"),
    ("decimal(38,10)", "1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"),
    ("decimal(18,0)", "-5", "-5"),
    ("money", "-922337203685477.5808", "-922337203685477.5808"),
    ("smallmoney", "1.5000", "1.5000"),
    ("float", 0.1, "0.1"),
    ("float", 5e-324, "5e-324"),
    ("real", 0.10000000149011612, "0.1"),
    ("date", "0001-01-01", "0001-01-01"),
    ("time(7)", "23:59:59.9999990", "23:59:59.999999"),
    ("time(7)", "23:59:59.9999999", None),
    ("datetime", "1753-01-01 00:00:00.003", "1753-01-01 00:00:00.003"),
    ("smalldatetime", "2024-02-29 12:35:00", "2024-02-29 12:35:00"),
    ("datetime2(7)", "9999-12-31 23:59:59.9999990", "9999-12-31 23:59:59.999999"),
    ("datetime2(7)", "2024-01-01 00:00:00.1234567", None),
    ("datetime2(0)", "2024-01-01 00:00:00", "2024-01-01 00:00:00"),
    ("datetimeoffset(7)", "2024-02-29 12:34:56.0000010 +02:00", "2024-02-29 10:34:56.000001+00"),
    ("datetimeoffset(7)", "2024-02-29 12:34:56.0000001 +02:00", None),
    ("uniqueidentifier", "D280D44F-5522-42CC-B1C8-14166F05DB50", "d280d44f-5522-42cc-b1c8-14166f05db50"),
    ("char(5)", "ab   ", "ab   "),
    ("varchar(9)", "", ""),
    ("nvarchar(max)", 'a\n"b", é😀\r\uff02', 'a\n"b", é😀\r\uff02'),
    ("xml", "<a>&lt;</a>", "<a>&lt;</a>"),
    ("hierarchyid", "/1/2.5/", "/1/2.5/"),
    ("json", '{"a": 12345678901234567890}', '{"a": 12345678901234567890}'),
    ("varbinary(max)", b"\x00\xff", "\\x00\\xFF"),
    ("varbinary(max)", b"", ""),
    ("geography", b"\xe6\x10\x00\x00", "\\xE6\\x10\\x00\\x00"),
    ("image", b"\x00", "\\x00"),
]


def test_each_value_is_exact_or_refused(shop, pull):
    columns = {"at": "int NOT NULL"} | {f"c{at}": kind for at, (kind, _, _) in enumerate(CELLS)}
    shop.table("things", columns, pulling.one_by_one(CELLS), key=("at",))

    entry = pull.load("things")

    pulling.assert_exact_or_refused(pull, entry, CELLS)


def test_what_is_declared_as_text_is_the_whole_of_what_the_server_writes(shop, pull):
    columns = {"a": "datetimeoffset(7)", "b": "datetime2(7)", "c": "varbinary(9)", "d": "time(7)"}
    shop.table(
        "things",
        columns,
        [("2024-02-29 12:34:56.1234567 +02:00", "2024-01-01 00:00:00.1234567", b"\xab", "01:00:00.1234567")],
    )

    pull.load("things", columns=dict.fromkeys("abcd", "varchar"))

    assert pull.rows("SELECT a, b, c, d FROM raw.things") == [
        ("2024-02-29 12:34:56.1234567 +02:00", "2024-01-01 00:00:00.1234567", "0xAB", "01:00:00.1234567")
    ]


def test_a_type_without_an_exact_text_is_refused_by_its_column(shop, pull):
    shop.table("things", {"id": "int NOT NULL", "loose": "sql_variant"}, [(1, "x")])

    with pytest.raises(SourceRefused, match="the column 'loose' is a sql_variant") as refused:
        pull.load("things")

    assert "excluded_columns: [loose]" in refused.value.hint
    assert pull.load("things", excluded_columns="loose").inserted == 1


def test_a_table_of_three_hundred_columns_is_one_line_of_concats_that_the_server_takes(shop, pull):
    shop.table("wide", {f"c{at}": "int" for at in range(300)}, [tuple(range(300))])

    pull.load("wide")

    assert pull.rows("SELECT c0, c150, c299 FROM raw.wide") == [(0, 150, 299)]
    (sql,) = [said for said in shop.said if said.startswith("SELECT CONCAT(")]
    assert sql.count("CONCAT(CONVERT(nvarchar(max), N''), ") == 8


def test_without_snapshots_a_warning_says_what_can_happen(shop, pull):
    shop.snapshots = False
    orders(shop, 3)

    pull.load("orders")

    assert any("ALLOW_SNAPSHOT_ISOLATION ON" in said for said in pull.warnings())


def test_half_a_character_is_refused(shop, pull):
    shop.table("things", {"a": "nvarchar(9)"})
    shop.store.create_function("half", 0, lambda: None)
    shop.answer = lambda sql, ask=shop.answer: (["line"], [('"\ud800"',)]) if "SELECT CONCAT(" in sql else ask(sql)

    with pytest.raises(SourceRefused, match="half a character"):
        pull.load("things")


def test_a_range_that_is_too_wide_is_cancelled_and_cut(shop, pull, monkeypatch):
    monkeypatch.setattr("headrace.extract.ranges.LARGEST", 50_000)
    values = [(n, "x" * (20_000 if n == 250 else 600)) for n in range(400)]
    shop.table("things", {"id": "int NOT NULL", "body": "nvarchar(max)"}, values, key=("id",))

    assert pull.load("things").inserted == 400
    assert pull.rows("SELECT count(DISTINCT id), sum(length(body)) FROM raw.things") == [(400, 399 * 600 + 20_000)]


def test_what_the_server_says_reaches_the_user(shop, pull, tmp_path):
    with pytest.raises(SourceRefused, match="Invalid object name 'nowhere'"):
        pull.load("nowhere")
    orders(shop, 1)
    with pytest.raises(ConfigInvalid) as refused:
        pull.load("orders", included_columns=("amuont",))
    assert refused.value.hint == "did you mean 'amount'?"
    with (
        closing(pulling.Pull("mssql://nobody:hidden@127.0.0.1:1/none?encrypt=no", tmp_path / "away")) as away,
        pytest.raises(SourceUnavailable) as lost,
    ):
        away.load("orders")
    assert "hidden" not in str(lost.value)


def test_a_session_that_is_lost_can_be_asked_again(shop, pull):
    orders(shop, 2)
    pull.load("orders")
    shop.close()

    with pytest.raises(SourceUnavailable) as lost:
        pull.load("orders")

    assert lost.value.transient


@pytest.mark.parametrize("sent", [0, 3])
def test_a_session_that_is_lost_in_the_middle_of_an_answer_can_be_asked_again(shop, pull, monkeypatch, sent):
    orders(shop)
    ranges, send = [], tds._send

    def breaking(sock, body, kind=4):
        ranges.extend(sql for sql in shop.said[-1:] if sql.startswith("SELECT CONCAT("))
        if len(ranges) == 3:
            for at in range(sent):
                sock.sendall(struct.pack(">BBHHBB", kind, 0, 4096, 0, 1, 0) + body[at * 4088 : (at + 1) * 4088])
            sock.shutdown(socket.SHUT_RDWR)
            return
        send(sock, body, kind)

    monkeypatch.setattr(tds, "_send", breaking)
    with pytest.raises(SourceUnavailable) as lost:
        pull.load("orders")
    monkeypatch.undo()

    assert lost.value.transient
    assert pull.load("orders").inserted == 450
    assert pull.rows("SELECT count(DISTINCT id) FROM raw.orders") == [(450,)]


def test_the_command_line_takes_its_address_for_a_load_and_for_a_source(shop, headrace):
    columns = {"id": "int NOT NULL", "changed_at": "datetime2(7)"}
    shop.table("events", columns, [(1, "2024-01-01 10:00:00.0000000")], key=("id",))
    shop.table("notes", {"what": "nvarchar(9)"}, [("x",)])

    def said(*arguments, **env):
        done = headrace(*arguments, **env)
        assert "s3cret" not in done.stdout + done.stderr
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said("load", f"{shop.url}&table=dbo.events", "here.duckdb")
    said("source", "add", "shop", shop.url)
    written = yaml.safe_load((headrace.folder / "sources" / "shop.yml").read_text())
    tested = said("source", "test", SHOP_PASSWORD="s3cret")
    peeked = said("source", "peek", "shop.notes", SHOP_PASSWORD="s3cret")

    with duckdb.connect(str(headrace.folder / "here.duckdb"), read_only=True) as session:
        assert session.execute("SELECT id, changed_at::text FROM events").fetchall() == [(1, "2024-01-01 10:00:00")]
    assert written["streams"] == {"events": {"primary_key": "id", "incremental": "changed_at"}, "notes": {}}
    assert "shop.events" in tested
    assert "what" in peeked


@pytest.fixture
def certificate(tmp_path):
    """A certificate for `localhost` that signs itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "the shop")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    return context, tmp_path / "ca.pem"


def test_a_connection_is_encrypted_and_the_certificate_is_checked(certificate, tmp_path):
    context, authority = certificate
    with closing(tds.SqlServer(tls=context)) as shop:
        orders(shop, 3)

        def load(host, options):
            url = f"mssql://reader:s3cret@{host}:{shop.port}/shop{options}"
            with closing(pulling.Pull(url, tmp_path / "landing", schema="dbo")) as pull:
                return pull.load("orders").inserted

        trusted = load("localhost", f"?ssl_ca={authority}")
        for host, options, why in (
            ("localhost", "", "certificate verify failed"),
            ("127.0.0.1", f"?ssl_ca={authority}", "does not match host name"),
            ("localhost", "?encrypt=no", "encryption"),
        ):
            before = len(shop.said)
            with pytest.raises(SourceUnavailable, match=why) as refused:
                load(host, options)
            assert "is its certificate trusted" in refused.value.hint
            assert len(shop.said) == before

    assert trusted == 3
