import pytest

from headrace.errors import SourceRefused

APPEND = {"write_disposition": "append"}
ROWS = 30_000
BODY = b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n) for n in range(ROWS))


@pytest.fixture(params=["azure", "google"])
def cloud(request, clouds, stores, monkeypatch):
    """A store with what lies in it, its URL, and what a source says to reach it."""
    stores.environment_without_clouds(monkeypatch)
    made = clouds.Cloud(request.param)
    if request.param == "azure":
        access = {"az": {"account": clouds.ACCOUNT, "account_key": clouds.KEY, "endpoint": made.endpoint}}
        wrong = {"az": {**access["az"], "account_key": "AAAA"}}
        url = "az://lake"
    else:
        access = {"gs": {"access_token": clouds.TOKEN, "access_token_expires": "2099-01-01T00:00:00Z",
                         "endpoint": made.endpoint}}  # fmt: skip
        wrong, url = {"gs": {**access["gs"], "access_token": "another"}}, "gs://lake"
    made.url, made.access, made.wrong = url, access, wrong
    yield made
    made.close()


def reads(cloud):
    return [(name, range_) for method, name, range_ in cloud.asked() if method == "GET"]


def test_objects_are_listed_in_pages_and_loaded_once_with_the_columns_of_their_folders(cloud, lake):
    names = [f"o/year={year}/{n} \u00e9+.csv" for year in (2023, 2024) for n in range(4)]
    for at, name in enumerate(names):
        cloud.put(name, f"id\n{at}\n".encode())
    cloud.put("other/x.csv", b"id\n99\n")
    one = lake(**cloud.access)
    spec = {"path": f"{cloud.url}/o/year=*/*.csv", "hive_partitioning": True, **APPEND}

    first, pages = one.load(**spec), [asked for asked in cloud.asked() if asked[0] == "LIST" and asked[2]]
    again, asked = one.load(**spec), reads(cloud)
    cloud.put("o/year=2024/new.csv", b"id\n8\n")
    last = one.load(**spec)

    assert pages, "a listing of nine objects takes more than one page of three"
    assert (first.inserted, again.read, asked, last.inserted) == (8, 0, [], 1)
    assert one.rows("id, year") == [(at, 2023 if at < 4 else 2024) for at in range(9)]
    assert sorted(name for name, _ in one.files()) == sorted(
        f"{cloud.url}/{name}" for name in [*names, "o/year=2024/new.csv"]
    )
    assert one.scratch() == []


def test_a_part_that_is_here_is_gone_on_with_from_its_end(cloud, lake, monkeypatch):
    cloud.put("a.csv", BODY)
    one = lake(**cloud.access)
    store, path = one.places().at(f"{cloud.url}/a.csv")
    part = one.folder / "a.part"
    part.write_bytes(BODY[:100_000])

    store.fetch(store.look(path), part)

    assert part.read_bytes() == BODY
    assert {range_.partition("-")[0] for _, range_ in reads(cloud) if range_} == {"bytes=100000"}


def test_a_read_that_is_cut_off_goes_on_where_it_broke(cloud, lake):
    cloud.put("a.csv", BODY)
    cloud.cut(150_000)
    one = lake(**cloud.access)

    assert one.load(path=f"{cloud.url}/a.csv").inserted == ROWS
    assert one.rows("count(*), sum(id)", "1") == [(ROWS, ROWS * (ROWS - 1) // 2)]


@pytest.mark.parametrize("changed_by", ["mtime", "etag"])
def test_an_object_that_is_written_again_is_another(cloud, lake, changed_by):
    cloud.put("a.csv", b"id\n1\n")
    spec = {"path": f"{cloud.url}/*.csv", "changed_by": changed_by, **APPEND}
    one = lake(**cloud.access)
    one.load(**spec)

    same = one.load(**spec)
    cloud.put("a.csv", b"id\n22\n")
    cloud.put("b.csv", b"id\n3\n")
    found, _ = one.seen(**spec)
    other = one.load(**spec)

    assert (same.read, other.inserted) == (0, 2)
    assert found == {f"{cloud.url}/a.csv": "changed", f"{cloud.url}/b.csv": "new"}


def test_who_is_not_let_in_is_told_so_without_the_secret(cloud, lake):
    cloud.put("a.csv", b"id\n1\n")
    one = lake(**cloud.wrong)

    with pytest.raises(SourceRefused) as raised:
        one.load(path=f"{cloud.url}/a.csv")

    assert "another" not in str(raised.value)
    assert "AAAA" not in str(raised.value)
