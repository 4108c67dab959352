import io
import re

from headrace.events import (
    LoadAdvanced,
    PageFetched,
    RequestRetried,
    RunStarted,
    SegmentLanded,
    StepFinished,
    StepStarted,
)
from headrace.observe.display import Lines, Live, finished_line
from headrace.observe.wording import duration, short, table


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_a_pipe_gets_one_plain_line_for_each_finished_step():
    stream = io.StringIO()
    lines = Lines(stream)

    lines(RunStarted("r", "build", "dev", ("source.shop.api.orders", "model.shop.revenue")))
    lines(StepStarted("source.shop.api.orders"))
    lines(PageFetched("api.orders", 1, 100, 1000))
    lines(StepFinished("source.shop.api.orders", "success", 1.26, rows=1200))
    lines(StepFinished("model.shop.revenue", "error", 0.1, message="no column x\nLINE 1", code="HR501"))

    first, second = stream.getvalue().splitlines()
    assert re.fullmatch(r"1/2  \+ success  load  api\.orders +1,200 rows +1\.3s", first)
    assert re.fullmatch(r"2/2  x error    model revenue +0\.1s  HR501 no column x", second)
    assert "\x1b" not in stream.getvalue()


def test_a_skipped_step_took_no_time():
    assert finished_line(StepFinished("model.shop.a", "skipped", 0.0), 3, 12).endswith("model a")


def test_a_terminal_sees_rows_and_speed_of_what_runs():
    now = [0.0]
    screen = Screen()
    live = Live(screen, color=False, clock=lambda: now[0])
    live(RunStarted("r", "build", "dev", ("source.shop.api.orders", "model.shop.revenue")))
    live(StepStarted("source.shop.api.orders"))
    live(PageFetched("api.orders", 1, 1000, 1))
    live(SegmentLanded("api.orders", "1", 1000))
    live(PageFetched("api.orders", 2, 1000, 1))
    now[0] = 4.0

    drawn = live._draw().plain

    assert "→ load  api.orders" in drawn
    assert "4.0s" in drawn
    assert "2,000 rows  500 rows/s  page 2" in drawn
    assert "0/2 done" in drawn


def test_a_terminal_sees_how_much_of_a_load_is_done():
    live = Live(Screen(), color=False)
    live(StepStarted("source.shop.api.orders"))
    live(LoadAdvanced("api.customers", 90))
    live(LoadAdvanced("api.orders", 47))

    assert f"{'━' * 9}{'─' * 11}  47%" in live._draw().plain


def test_a_terminal_sees_why_a_step_waits():
    live = Live(Screen(), color=False)
    live(StepStarted("source.shop.api.orders"))
    live(RequestRetried("api.orders", 1, 30.0, "429 Too Many Requests"))

    assert "trying again in 30s: 429 Too Many Requests" in live._draw().plain


def test_what_ended_stays_on_the_screen_and_the_view_goes():
    screen = Screen()

    with Live(screen, color=False) as live:
        live(RunStarted("r", "build", "dev", ("model.shop.revenue",)))
        live(StepStarted("model.shop.revenue"))
        live(StepFinished("model.shop.revenue", "success", 1.0, rows=5))

    assert "1/1  ✓ success  model revenue" in screen.getvalue()
    assert "\x1b[?25h" in screen.getvalue()  # the cursor is there again


def test_durations_are_for_people():
    assert [duration(seconds) for seconds in (None, 0.04, 9.94, 9.96, 59.6, 65, 7800)] == [
        "", "0.0s", "9.9s", "10s", "1m 00s", "1m 05s", "2h 10m",
    ]  # fmt: skip


def test_names_are_short():
    assert short("source.shop.api.orders") == "api.orders"
    assert short("model.shop.orders") == "orders"
    assert short("test.shop.unique_orders_id.0a1b2c") == "unique_orders_id"


def test_a_table_is_aligned_and_a_cell_is_one_line():
    text = table(["name", "rows"], [["a\nb", 1], [None, 1200]])

    assert text.splitlines()[1:] == ["a\\nb     1", "      1200"]
