import json
import subprocess
import sys

import pytest

HEAVY = {"duckdb", "pyarrow", "pydantic", "jinja2", "rich", "urllib3", "psycopg", "yaml", "sqlite3"}
LOADED = """
import sys
from headrace.cli.main import main
sys.argv = ["headrace", *sys.argv[1:]]
main()
print("\\n--loaded--")
print(*sorted({name.partition(".")[0] for name in sys.modules}), sep="\\n")
print(len(sys.modules))
"""


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("explain", "--help"), ("explain",)])
def test_help_imports_nothing_heavy(arguments):
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    loaded = done.stdout.partition("--loaded--")[2].split()

    assert not HEAVY & set(loaded)
    assert int(loaded[-1]) < 260


def test_help_shows_examples_before_commands_and_options(run):
    ended = run("--help")

    assert ended.code == 0
    assert ended.out.index("Examples") < ended.out.index("Fix") < ended.out.index("Options")


def test_no_command_at_all_is_a_question_for_help(run):
    ended = run()

    assert ended.code == 2
    assert "Examples" in ended.out + ended.err


def test_a_misspelt_command_names_the_closest(run):
    ended = run("explian")

    assert ended.code == 2
    assert "error HR001  there is no command 'explian'" in ended.err
    assert "hint: did you mean 'explain'?" in ended.err
    assert ended.out == ""


def test_a_misspelt_option_names_the_closest(run):
    ended = run("explain", "--no-colr")

    assert ended.code == 2
    assert "there is no option '--no-colr'" in ended.err
    assert "did you mean --no-color" in ended.err


def test_an_error_of_the_line_itself_is_a_document_where_json_is_asked_for(run):
    ended = run("explain", "-o", "json", "--colour")

    error = json.loads(ended.out)["error"]
    assert ended.code == 2
    assert error["code"] == "HR001"


def test_every_error_can_be_explained(run):
    listed = json.loads(run("explain", "-o", "json").out)

    assert listed["schema_version"] == 1
    assert {"HR001", "HR203", "HR602"} <= {one["code"] for one in listed["errors"]}
    assert "going on would never end" in run("explain", "hr305").out


def test_an_unknown_code_is_an_error_of_usage(run):
    ended = run("explain", "HR99")

    assert ended.code == 2
    assert "there is no error code 'HR99'" in ended.err


@pytest.mark.parametrize(
    "arguments", [("--no-color", "explain"), ("explain", "--no-color"), ("explain", "--no-use-colors")]
)
def test_shared_options_stand_before_or_after_the_command(run, arguments):
    assert run(*arguments).code == 0
