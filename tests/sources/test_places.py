import gzip
import io
import lzma

import asyncssh
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.batch import FileChanged
from headrace.errors import (
    FileAltered,
    FilesNotFound,
    FileUnreadable,
    FileVanished,
    NotSupported,
    SourceRefused,
    SourceUnavailable,
)
from headrace.extract import files
from headrace.load.parts import FilesUnfit
from headrace.retry import SYSTEM

OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
APPEND = {"write_disposition": "append"}


def parquet(**columns):
    made = io.BytesIO()
    pq.write_table(pa.table(columns), made)
    return made.getvalue()


def arrow(**columns):
    made, table = io.BytesIO(), pa.table(columns)
    with pa.ipc.new_file(made, table.schema) as sink:
        sink.write_table(table)
    return made.getvalue()


@pytest.fixture(scope="module")
def s3(stores):
    with stores.s3() as (endpoint, client):
        yield endpoint, client


@pytest.fixture
def bucket(s3, stores, monkeypatch, request):
    """An empty bucket of its own, and what a source says to reach it."""
    stores.environment_without_clouds(monkeypatch)
    endpoint, client = s3
    name = f"b{abs(hash(request.node.name)) % 10**9}"
    client.create_bucket(Bucket=name)

    def put(**files):
        for key, body in files.items():
            client.put_object(Bucket=name, Key=key, Body=body)

    def put_all(files):
        put(**files)

    return name, {**stores.KEYS, "endpoint": endpoint}, put_all, client


def test_objects_of_s3_are_loaded_once_with_the_columns_of_their_folders(bucket, lake):
    name, access, put, _ = bucket
    put({f"o/year={y}/month=0{m}/{m}.parquet": parquet(id=[y * 10 + m]) for y in (2023, 2024) for m in (1, 2)})
    spec = {"path": f"s3://{name}/o/year=*/**/*.parquet", "hive_partitioning": True, **APPEND}
    one = lake(s3=access)

    first, again = one.load(**spec), one.load(**spec)
    put({"o/year=__HIVE_DEFAULT_PARTITION__/month=03/3.parquet": parquet(id=[3])})
    last = one.load(**spec)

    assert (first.inserted, again.read, last.inserted) == (4, 0, 1)
    assert one.rows("id, year, month") == [
        (3, None, "03"),
        *((y * 10 + m, y, f"0{m}") for y in (2023, 2024) for m in (1, 2)),
    ]
    assert one.files()[-1] == (f"s3://{name}/o/year=2024/month=02/2.parquet", 1) or len(one.files()) == 5
    assert one.rows("DISTINCT _headrace_source")[0][0].startswith(f"s3://{name}/o/year=2023/")
    assert one.scratch() == []


def test_each_format_arrives_from_s3_and_a_zip_by_its_members(bucket, lake):
    import zipfile

    name, access, put, _ = bucket
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("in/d.csv", "id\n4\n")
    put(
        {
            "a.csv": b"id\n1\n",
            "b.jsonl.gz": gzip.compress(b'{"id": 2}\n'),
            "c.json": b'[{"id": 3}]',
            "d.zip": packed.getvalue(),
            "e.csv.xz": lzma.compress(b"id\n5\n"),
            "f.xml": b"<all><one><id>6</id></one><one><id>7</id></one></all>",
            "g.arrow": arrow(id=[8]),
        }
    )
    one = lake(s3=access)

    assert one.load(path=f"s3://{name}/*", **APPEND).inserted == 8
    assert one.load(path=f"s3://{name}/*", **APPEND).read == 0
    assert [int(row[0]) for row in one.rows("id", "CAST(id AS BIGINT)")] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert sorted(one.files()) == [
        (f"s3://{name}/{key}", rows)
        for key, rows in (
            ("a.csv", 1), ("b.jsonl.gz", 1), ("c.json", 1), ("d.zip!in/d.csv", 1), ("e.csv.xz", 1), ("f.xml", 2),
            ("g.arrow", 1),
        )
    ]  # fmt: skip


def test_a_tag_says_that_an_object_is_the_same_though_it_was_written_again(bucket, lake):
    name, access, put, client = bucket
    put({"a.csv": b"id\n1\n"})
    spec = {"path": f"s3://{name}/a.csv", "changed_by": "etag", **APPEND}
    one = lake(s3=access)
    one.load(**spec)

    client.copy_object(
        Bucket=name, Key="a.csv", CopySource=f"{name}/a.csv", MetadataDirective="REPLACE", Metadata={"x": "y"}
    )
    same = one.load(**spec)
    put({"a.csv": b"id\n2\n"})
    other = one.load(**spec)

    assert (same.read, other.inserted) == (0, 1)
    assert [event.message for event in one.said("Warned")] == [
        f"lake.things: s3://{name}/a.csv changed and is loaded again; the rows it had before stay (`on_changed:`)"
    ]


def test_the_environment_has_credentials_too_and_a_bucket_that_is_not_there_has_no_files(bucket, lake, monkeypatch):
    name, access, put, _ = bucket
    put({"a.csv": b"id\n1\n"})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from-the-environment")
    one = lake(s3={"endpoint": access["endpoint"], "region": "eu-central-1"})

    assert one.load(path=f"s3://{name}/*.csv").inserted == 1
    with pytest.raises(FilesNotFound, match="no file matches 's3://nowhere/"):
        one.load(path="s3://nowhere/*.csv")


def test_a_store_that_is_not_there_is_told_without_its_secrets(lake, monkeypatch, stores):
    stores.environment_without_clouds(monkeypatch)
    one = lake(s3={**stores.KEYS, "endpoint": "http://127.0.0.1:9"})

    with pytest.raises(SourceUnavailable) as raised:
        one.load(path="s3://lake/a.csv")

    assert "testing-secret" not in str(raised.value)


def test_files_of_an_ssh_server_are_loaded_and_gone_on_with_where_the_line_broke(tmp_path, lake, stores):
    root = tmp_path / "remote"
    (root / "in" / "deep").mkdir(parents=True)
    (root / "in" / "a.csv").write_text("id\n1\n")
    (root / "in" / "deep" / "b.csv").write_text("id\n" + "2\n" * 400_000)
    with stores.ssh(root) as server:
        access = {"username": "loader", "password": "opensesame", "host_key": server.host_key}
        one = lake(sftp=access)
        url = f"sftp://127.0.0.1:{server.port}/in/**/*.csv"

        assert one.load(path=url, **APPEND).inserted == 400_001
        assert one.load(path=url, **APPEND).read == 0
        assert sorted(name for name, _ in one.files()) == [
            f"sftp://127.0.0.1:{server.port}/in/a.csv",
            f"sftp://127.0.0.1:{server.port}/in/deep/b.csv",
        ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password": "wrong"}, "refuses the login of loader"),
        ({"host_key": None, "known_hosts": "/nowhere"}, "is not known"),
        (
            {"host_key": OTHER_KEY},
            "has another key",
        ),
    ],
)
def test_an_ssh_server_is_not_talked_to_unless_it_is_known_and_says_when_it_refuses(
    tmp_path, lake, stores, change, sentence
):
    with stores.ssh(tmp_path) as server:
        known = {"username": "loader", "password": "opensesame", "host_key": server.host_key}
        one = lake(sftp={**known, **change})

        with pytest.raises(SourceRefused, match=sentence):
            one.load(path=f"sftp://127.0.0.1:{server.port}/*.csv")


def lines(number):
    return b"id,name\n" + b"".join(f"{n},name of {n}\n".encode() for n in range(number))


def test_a_file_of_a_web_server_goes_on_where_the_connection_broke(lake, web):
    web.files["/a.csv"] = lines(100_000)
    web.faults += [("cut", 1_000_000), 503, ("cut", 500_000)]
    one = lake()

    assert one.load(path=f"{web.url}/a.csv", **APPEND).inserted == 100_000
    assert [range_ for method, _, range_ in web.asked if method == "GET"] == [
        None,
        "bytes=1000000-",
        "bytes=1000000-",
        "bytes=1500000-",
    ]
    assert one.load(path=f"{web.url}/a.csv", **APPEND).read == 0


def test_a_file_that_changes_while_it_is_fetched_arrives_as_it_is_then_and_never_mixed(lake, web):
    web.files["/a.csv"] = b"id\n" + b"1\n" * 500_000

    def other():
        web.files["/a.csv"] = b"id\n" + b"2\n" * 500_000

    web.faults += [("cut", 400_000), other]
    one = lake()

    assert one.load(path=f"{web.url}/a.csv", **APPEND).inserted == 500_000
    assert one.rows("DISTINCT id") == [(2,)]


def test_a_server_that_lies_about_the_length_is_believed_no_more_than_a_few_times(lake, web):
    web.files["/a.csv"] = lines(1000)
    web.faults += [("lie", 0)] * 20
    one = lake()

    with pytest.raises(SourceUnavailable, match=r"a\.csv cannot be fetched") as raised:
        one.load(path=f"{web.url}/a.csv")

    assert "next load goes on" in raised.value.hint
    web.faults.clear()
    assert one.load(path=f"{web.url}/a.csv").inserted == 1000


def test_a_server_that_refuses_to_say_what_it_has_is_asked_for_a_byte(lake, web):
    web.refuse_head = True
    web.files["/a.csv"] = lines(10)

    assert lake().load(path=f"{web.url}/a.csv").inserted == 10
    assert ("GET", "/a.csv", "bytes=0-0") in web.asked


def test_each_day_of_a_web_server_is_a_file_and_a_day_without_one_is_left_out(lake, web):
    web.files |= {"/2024-02-28.csv": b"id\n1\n", "/2024-03-01.csv": b"id\n2\n"}
    days = {"day": {"from": "2024-02-28", "to": "2024-03-01"}}

    one = lake(http={"auth": {"type": "bearer", "token": "open"}})
    entry = one.load(path=f"{web.url}/{{day}}.csv", for_each=days)

    assert entry.inserted == 2
    assert {path for _, path, _ in web.asked} == {"/2024-02-28.csv", "/2024-02-29.csv", "/2024-03-01.csv"}
    assert {headers["Authorization"] for headers in web.headers} == {"Bearer open"}


def test_a_web_server_has_no_patterns(lake, web):
    with pytest.raises(NotSupported, match="does not list its files") as raised:
        lake().load(path=f"{web.url}/*.csv")

    assert "for_each" in raised.value.hint


def test_rows_of_fetched_files_go_from_the_disk_as_soon_as_they_have_landed(lake, web, monkeypatch):
    web.files |= {f"/{n}.json": b'[{"id": %d}]' % n for n in range(20)}
    monkeypatch.setattr(files, "_SMALL", -1)  # each by itself, as larger ones are
    one = lake()
    held = []
    refer = type(one.landing.beside("x.y", None, "s")).write

    def write(package, batch, filtered=0):
        refer(package, batch, filtered=filtered)
        held.append(len([path for path in package.scratch.rglob("*") if path.is_file()]))

    monkeypatch.setattr("headrace.landing.Package.write", write)
    entry = one.load(path=f"{web.url}/{{n}}.json", for_each={"n": [str(n) for n in range(20)]}, parallel=2)

    assert entry.inserted == 20
    assert max(held) <= 2 + 2


@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_file_that_changed_is_loaded_again_ignored_or_an_error(tmp_path, lake, disposition):
    one = lake()
    spec = {"path": "*.csv", "write_disposition": disposition, "primary_key": "id"}
    (tmp_path / "a.csv").write_text("id,v\n1,a\n")
    one.load(**spec)
    (tmp_path / "a.csv").write_text("id,v\n1,bb\n")

    ignored = one.load(on_changed="ignore", **spec)
    with pytest.raises(FileAltered, match=r"a\.csv changed since it was loaded"):
        one.load(on_changed="error", **spec)
    by_name = one.load(changed_by="name", **spec)
    again = one.load(**spec)

    assert (ignored.read, by_name.read, again.read) == (0, 0, 1)
    assert one.rows("v", "v") == ([("a",), ("bb",)] if disposition == "append" else [("bb",)])


def test_the_content_decides_where_times_do_not(tmp_path, lake):
    one = lake()
    spec = {"path": "*.csv", "changed_by": "content", **APPEND}
    (tmp_path / "a.csv").write_text("id\n1\n")
    one.load(**spec)

    (tmp_path / "a.csv").write_text("id\n1\n")
    touched = one.load(**spec)
    (tmp_path / "a.csv").write_text("id\n2\n")
    changed = one.load(**spec)

    assert (touched.read, changed.read) == (0, 1)


def test_names_that_only_grow_are_not_looked_at_again_below_the_last_one(bucket, lake):
    name, access, put, _ = bucket
    put({f"in/2024-0{m}/x.csv": b"id\n1\n" for m in (1, 2)})
    spec = {"path": f"s3://{name}/in/*/*.csv", "changed_by": "name", "ascending": True, **APPEND}
    one = lake(s3=access)
    one.load(**spec)

    put({"in/2024-01/late.csv": b"id\n9\n", "in/2024-02/y.csv": b"id\n2\n", "in/2024-03/x.csv": b"id\n3\n"})
    entry = one.load(**spec)

    assert entry.inserted == 2
    assert [row[0] for row in one.rows("id")] == [1, 1, 2, 3]


def test_a_file_that_goes_before_it_is_loaded_stops_the_load_and_the_next_one_is_whole(tmp_path, lake):
    one = lake()
    for name in "abc":
        pq.write_table(pa.table({"id": [name]}), tmp_path / f"{name}.parquet")

    with pytest.raises(FileChanged, match=r"^b\.parquet$"):
        one.load(path="*.parquet", between=(tmp_path / "b.parquet").unlink, **APPEND)

    assert one.connection.inspect("raw") == {}
    assert one.load(path="*.parquet", **APPEND).inserted == 2
    assert one.rows("id") == [("a",), ("c",)]
    assert one.files() == [("c.parquet", 1), ("a.parquet", 1)]


def test_an_object_that_goes_between_the_listing_and_the_fetch_is_told(lake, web):
    web.files["/a.csv"] = lines(10)
    web.faults.append(web.files.clear)
    web.faults.append(404)

    with pytest.raises((FileVanished, FilesNotFound)):
        lake().load(path=f"{web.url}/a.csv")


def test_thousands_of_small_files_are_one_part_of_one_statement(tmp_path, lake):
    for folder in range(10):
        (tmp_path / f"day={folder}").mkdir()
        for number in range(30):
            pq.write_table(pa.table({"id": [folder * 100 + number]}), tmp_path / f"day={folder}" / f"{number}.parquet")
    pq.write_table(pa.table({"id": [5000], "new": ["x"]}), tmp_path / "day=9" / "z.parquet")
    one = lake()
    asked = []
    load_local = one.connection.load_local
    one.connection.load_local = lambda table, query, same=None: asked.append(query) or load_local(table, query, same)

    entry = one.load(path="day=*/*.parquet", hive_partitioning=True, **APPEND)

    assert entry.inserted == 301
    assert sum(query.count("read_parquet(") for query in asked if "day=0/7.parquet" in query) == 2
    assert one.rows("count(*), sum(id - 100 * day), count(DISTINCT _headrace_source)", "1")[0][::2] == (301, 301)
    assert one.rows("_headrace_source", "id")[31] == ("day=1/1.parquet",)
    assert one.clock is not SYSTEM


def test_small_files_of_csv_are_one_part_too_and_a_line_that_does_not_fit_is_told_with_its_file(tmp_path, lake):
    for number in range(40):
        (tmp_path / f"day={number % 4}").mkdir(exist_ok=True)
        (tmp_path / f"day={number % 4}" / f"[{number}].csv").write_text(f"id,born\n{number},2024-01-01\n")
    one = lake()
    asked = []
    load_local = one.connection.load_local
    one.connection.load_local = lambda table, query, same=None: asked.append(query) or load_local(table, query, same)
    spec = {"path": "day=*/*.csv", "hive_partitioning": True, **APPEND}

    entry = one.load(**spec)
    (tmp_path / "day=0" / "z.csv").write_text("id,born\n" + "1,2024-01-01\n" * 12_000 + "x,2024-01-01\n")
    (tmp_path / "day=1" / "z.csv").write_text("id,born\n7,2024-01-02\n")
    with pytest.raises(FilesUnfit) as raised:
        one.load(**spec)

    assert entry.inserted == 40
    assert next(query.count("read_csv(") for query in asked if "day=0" in query) == 1
    assert one.rows("id, day, CAST(born AS VARCHAR), _headrace_source", "id")[5:7] == [
        (5, 1, "2024-01-01", "day=1/[5].csv"),
        (6, 2, "2024-01-01", "day=2/[6].csv"),
    ]
    assert raised.value.origins == {"day=0/z.csv", "day=1/z.csv"}


@pytest.mark.parametrize(
    ("spec", "standings", "wanted"),
    [
        ({}, {"a": "loaded", "b": "changed", "c": "new", "d": "gone", "e": "loaded"}, "bc"),
        ({"on_changed": "ignore"}, {"a": "loaded", "b": "changed", "c": "new", "d": "gone", "e": "loaded"}, "c"),
        ({"changed_by": "etag"}, {"a": "loaded", "b": "changed", "c": "new", "d": "gone", "e": "loaded"}, "bc"),
        ({"changed_by": "etag", "on_changed": "ignore"}, {**dict.fromkeys("abe", "loaded"), "c": "new", "d": "gone"}, "c"),
        ({"changed_by": "content"}, {**dict.fromkeys("abe", "unsure"), "c": "new", "d": "gone"}, "bc"),
        ({"changed_by": "name"}, {**dict.fromkeys("abe", "loaded"), "c": "new", "d": "gone"}, "c"),
        ({"changed_by": "name", "ascending": True}, {**dict.fromkeys("abd", "loaded"), "e": "loaded"}, ""),
        ({"write_disposition": "replace"}, {"a": "loaded", "b": "changed", "c": "new", "d": "gone", "e": "loaded"}, "abce"),
    ],
    ids=str,
)  # fmt: skip
def test_how_files_stand_is_what_the_next_load_finds(bucket, lake, spec, standings, wanted):
    name, access, put, client = bucket
    one = lake(s3=access)
    spec = {"path": f"s3://{name}/*", **APPEND, **spec}
    put({f"{key}.csv": b"id\n1\n" for key in "abde"})
    one.load(**spec)
    if spec.get("changed_by") == "etag":  # a store's times are whole seconds
        client.copy_object(
            Bucket=name, Key="a.csv", CopySource=f"{name}/a.csv", MetadataDirective="REPLACE", Metadata={"x": "y"}
        )
    client.delete_object(Bucket=name, Key="d.csv")
    put({"b.csv": b"id\n22\n", "c.csv": b"id\n3\n"})
    bare = f"s3://{name}/{{}}.csv".format

    found, coming = one.seen(**spec)
    before = len(one.files())
    one.load(**spec)

    assert found == {bare(key): standing for key, standing in standings.items()}
    read = {file for file, _ in one.files()[before:]} if spec["write_disposition"] == "append" else set(coming)
    assert read == {bare(key) for key in wanted}
    assert read <= set(coming)
    assert [standings[file[-5]] for file in coming if file not in read] in ([], ["unsure"] * 2)


@pytest.mark.parametrize("how", ["mtime", "content"])
def test_a_zip_stands_as_its_members_do(tmp_path, lake, how):
    import zipfile

    def write(**members):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
            for key, text in members.items():
                made.writestr(f"{key}.csv", text)

    one, spec = lake(), {"path": "*.zip", "changed_by": how, **APPEND}
    write(x="id\n1\n", y="id\n2\n")

    before = one.seen(**spec)
    one.load(**spec)
    after = one.seen(**spec)
    write(x="id\n1\n", y="id\n3\n")
    changed = one.seen(**spec)

    assert before == ({"a.zip": "new"}, ["a.zip"])
    assert after == ({"a.zip!x.csv": "loaded", "a.zip!y.csv": "loaded"}, [])
    assert changed[0] == {"a.zip!x.csv": "changed", "a.zip!y.csv": "changed"}


@pytest.mark.parametrize(("ending", "row"), [("csv", "id\n1\n"), ("jsonl", '{"id": 1}\n')])
def test_a_file_without_a_byte_counts_as_read_and_is_told(tmp_path, lake, ending, row):
    one, spec = lake(), {"path": f"*.{ending}", **APPEND}
    (tmp_path / f"a.{ending}").touch()

    nothing = one.load(**spec)
    (tmp_path / f"b.{ending}").write_text(row)
    entry = one.load(**spec)

    assert (nothing.read, entry.inserted) == (0, 1)
    assert one.rows("id") == [(1,)]
    assert one.files() == [(f"a.{ending}", 0), (f"b.{ending}", 1)]
    assert [event.message for event in one.said("Warned")] == [
        f"lake.things: a.{ending} is empty, so it counts as read and has no rows"
    ]


def test_a_table_that_is_made_of_all_files_is_not_made_of_an_empty_one(tmp_path, lake):
    one, spec = lake(), {"path": "*.csv", "write_disposition": "replace"}
    (tmp_path / "a.csv").write_text("id\n1\n")
    one.load(**spec)
    (tmp_path / "a.csv").write_text("")

    with pytest.raises(FileUnreadable, match=r"a\.csv is empty"):
        one.load(**spec)

    assert one.rows("id") == [(1,)]
