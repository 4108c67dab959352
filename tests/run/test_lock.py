import subprocess
import sys
from pathlib import Path

import pytest

from headrace.errors import RunBusy
from headrace.run.lock import locked

HOLD = """
import sys
from pathlib import Path
from headrace.run.lock import locked
with locked(Path(sys.argv[1]), "dev"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_told_who_is_at_work_and_since_when(tmp_path: Path, other):
    with pytest.raises(RunBusy) as caught, locked(tmp_path, "dev"):
        pass

    assert f"process {other.pid}, since 20" in caught.value.what
    assert str(other.pid) in caught.value.hint


def test_another_target_is_free(tmp_path: Path, other):
    with locked(tmp_path, "prod"):
        assert (tmp_path / "prod.lock").exists()


def test_a_killed_run_leaves_no_lock_behind(tmp_path: Path, other):
    other.kill()
    other.wait()

    with locked(tmp_path, "dev"):
        assert "pid" in (tmp_path / "dev.lock").read_text()


def test_the_lock_is_free_after_an_error(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path, "dev"):
        raise ZeroDivisionError

    with locked(tmp_path, "dev"):
        pass
