import io
import json

from headrace.events import RunFinished, RunStarted, StepStarted, Warned
from headrace.observe.log import RunLog, lines


def test_each_event_is_one_json_line():
    stream = io.StringIO()

    lines(stream, clock=lambda: 12.3456)(StepStarted("model.shop.a"))

    assert json.loads(stream.getvalue()) == {"at": 12.346, "event": "StepStarted", "step": "model.shop.a"}


def test_a_run_has_a_file_of_its_own(tmp_path):
    log = RunLog(tmp_path / "logs", clock=lambda: 1.0)

    log(Warned("before any run"))
    log(RunStarted("r1", "build", "dev", ("model.shop.a",)))
    log(RunFinished("r1", "success", 1.0))
    log(RunStarted("r2", "build", "dev", ()))
    log.close()

    first = (tmp_path / "logs" / "r1.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in first] == ["RunStarted", "RunFinished"]
    assert (tmp_path / "logs" / "r2.jsonl").exists()


def test_a_folder_that_cannot_be_made_does_not_stop_the_run(tmp_path):
    (tmp_path / "logs").write_text("a file is in the way")
    log = RunLog(tmp_path / "logs")

    log(RunStarted("r1", "build", "dev", ()))
    log(StepStarted("model.shop.a"))

    assert isinstance(log.failed, OSError)
