"""No secret that a project resolved is printed or written, whoever repeats it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

SECRET = "sword fish+7/ü'"
SPELLED = (
    SECRET,
    "sword%20fish%2B7%2F%C3%BC%27",
    "sword+fish%2B7%2F%C3%BC%27",
    "sword fish+7/ü''",
    "sword fish+7/\\u00fc'",
)


class Echo(BaseHTTPRequestHandler):
    """Refuses, and repeats what it was asked with: the header, the query and the token alone."""

    def do_GET(self):
        said = (
            f'{{"error": "no such token", "url": "{self.path}", "header": "{self.headers["X-Key"]}", "is": "{SECRET}"}}'
        )
        self.send_response(403)
        self.send_header("Content-Length", str(len(said.encode())))
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def echo():
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def project(tmp_path):
    """`project({"headrace.yml": …})` with the secret in `.env`."""

    def make(files):
        for name, text in {".env": f'SHOP_TOKEN="{SECRET}"\nSHOP_PASSWORD="{SECRET}"\n', **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def assert_nowhere(ended, folder):
    for text in (ended.out, ended.err):
        assert not [one for one in SPELLED if one in text], text
    written = [path for path in folder.rglob("*") if path.is_file() and path.name != ".env"]
    for path in written:
        content = path.read_bytes()
        assert not [one for one in SPELLED if one.encode() in content], path
    return {path.name for path in written}


def test_a_server_that_repeats_the_token_is_quoted_without_it(run, project, echo):
    folder = project(
        {
            "headrace.yml": f"""
name: told
targets: {{dev: 'duckdb:///told.duckdb'}}
target-path: target
sources:
  api:
    type: rest
    client: {{base_url: {echo}, headers: {{X-Key: 'secret:shop_token'}}}}
    streams: {{orders: {{path: orders, params: {{who: '${{SHOP_TOKEN}}'}}}}}}
""",
        }
    )

    ended = run("build")

    assert ended.code == 1
    assert "status 403" in ended.out + ended.err
    assert "***" in ended.out + ended.err
    assert {"history.db", "run_results.json"} <= assert_nowhere(ended, folder)


def test_sql_that_holds_a_secret_fails_and_is_kept_without_it(run, project):
    folder = project(
        {
            "headrace.yml": "name: told\ntargets: {dev: 'duckdb:///told.duckdb'}\ntarget-path: target\n",
            "models/told.sql": """{{ config(materialized='table') }}
select cast('{{ env_var('SHOP_PASSWORD') | replace("'", "''") }}' as integer) as n
""",
        }
    )

    ended = run("build")
    debugged = run("--debug", "build", "-o", "json")
    compiled = run("compile")
    shown = run("compile", "-s", "told", "-o", "json")

    assert ended.code == 1
    assert "Could not convert string '***" in ended.out
    for one in (ended, debugged, compiled, shown):
        assert {"run_results.json", "told.sql"} <= assert_nowhere(one, folder)


@pytest.mark.parametrize("written", ["${SHOP_PASSWORD}", "sword%20fish%2B7%2F%C3%BC%27"])
def test_a_database_that_does_not_answer_is_named_without_its_password(run, project, written):
    url = f"postgresql://etl:{written}@127.0.0.1:1/shop"
    project({"headrace.yml": f"name: told\ntargets: {{dev: '{url}'}}\n", "models/one.sql": "select 1 as one\n"})

    ended = [run("build"), run("--debug", "build"), run("build", "-o", "json")]

    for one in ended:
        assert one.code in (1, 2)
        assert "should not happen" not in one.err
        assert not [form for form in SPELLED if form in one.out + one.err]
