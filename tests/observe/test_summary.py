import click

from headrace.events import (
    CheckFinished,
    RowsLoaded,
    RowsQuarantined,
    RunFinished,
    RunStarted,
    SegmentDied,
    StepFinished,
    Warned,
)
from headrace.observe.results import Results
from headrace.observe.summary import summary


def gathered(*events):
    results = Results()
    for event in events:
        results(event)
    return results


def said(*events):
    return click.unstyle(summary(gathered(*events)))


def test_steps_that_failed_for_one_reason_are_one_problem():
    text = said(
        StepFinished("source.shop.api.orders", "error", 1.0, message="no answer", code="HR301", hint="is it up?"),
        StepFinished("source.shop.api.refunds", "error", 1.0, message="no answer", code="HR301", hint="is it up?"),
        StepFinished("model.shop.revenue", "skipped", 0.0),
        RunFinished("r", "error", 2.0),
    )

    assert "error HR301  api.orders, api.refunds: no answer\n  hint: is it up?" in text
    assert "skipped because of that: revenue" in text
    assert "✗ error  2 error · 1 skipped in 2.0s" in text
    assert "next: headrace retry" in text


def test_to_repeat_is_offered_only_where_that_could_help():
    wrong = StepFinished("source.shop.api.orders", "error", 1.0, message="wrong key", code="HR301", passes=False)
    away = StepFinished("source.shop.api.refunds", "error", 1.0, message="no answer", code="HR301")
    failed = RunFinished("r", "error", 2.0)

    assert "next:" not in said(wrong, failed)
    assert "next: headrace retry" in said(wrong, away, failed)
    assert "next: headrace retry" in said(wrong, StepFinished("model.shop.revenue", "interrupted", 1.0), failed)


def test_a_failed_test_names_its_model_and_how_to_see_the_rows():
    text = said(
        CheckFinished("test.shop.unique_orders_id.0a1b", "model.shop.orders", "fail", 3, 0.1),
        StepFinished("model.shop.orders", "error", 1.0, message="1 test failed"),
        RunFinished("r", "error", 2.0),
    )

    assert "fail  test unique_orders_id on orders: 3 failures\n  readers keep the tables they had" in text
    assert "1 test failed" not in text
    assert "next: headrace show -s unique_orders_id" in text


def test_rows_and_requests_that_were_kept_out_are_counted_by_reason():
    text = said(
        RowsQuarantined("api.orders", "amount is no number", 2),
        RowsQuarantined("api.orders", "amount is no number", 3),
        SegmentDied("api.orders", "000007", "500 Internal Server Error"),
        RunFinished("r", "success", 2.0),
    )

    assert "kept out  api.orders: 5 rows, amount is no number" in text
    assert "kept out  api.orders: 1 request, 500 Internal Server Error" in text
    assert "headrace quarantine show api.orders" in text
    assert "the requests that failed" in text


def test_a_good_run_is_one_line():
    text = said(
        RunStarted("r", "build", "dev", ("source.shop.api.orders",)),
        RowsLoaded("api.orders", "raw.orders", "l", 1234, 1234, 0, 0, 0, 0, 0),
        StepFinished("source.shop.api.orders", "success", 1.0, rows=1234),
        RunFinished("r", "success", 75.0),
    )

    assert text == "✓ success  1 success · 1,234 rows read = 1,234 inserted in 1m 15s"


def test_the_same_warning_is_said_once():
    text = said(Warned("old key", "a.yml:1"), Warned("old key", "a.yml:1"), RunFinished("r", "success", 1.0))

    assert text.count("old key") == 1
    assert "warning  a.yml:1  old key (2 times)" in text


def test_a_run_without_an_end_was_interrupted():
    assert gathered(RunStarted("r", "build", "dev", ())).status == "interrupted"


def test_what_a_terminal_would_obey_is_shown_as_text():
    text = said(StepFinished("model.shop.a", "error", 1.0, message="bad \x1b[2J value"), RunFinished("r", "error", 1.0))

    assert "\x1b[2J" not in text
    assert "bad \\x1b[2J value" in text


def test_a_message_that_names_its_stream_is_not_begun_with_it_once_more():
    text = said(
        StepFinished("source.shop.api.orders", "error", 1.0, message="api.orders: it is stuck", code="HR305"),
        RunFinished("r", "error", 1.0),
    )

    assert "HR305  api.orders: it is stuck" in text
