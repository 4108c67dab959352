"""When to try again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.retry import Backoff


@given(st.integers(1, 40), st.floats(0, 1, exclude_max=True))
def test_a_pause_never_exceeds_the_longest_allowed(attempt, random):
    assert 0 < Backoff(factor=0.5, max_delay=60).delay(attempt, lambda: random) <= 60


def test_pauses_double_and_jitter_spreads_them_either_way():
    backoff = Backoff(factor=1.0, jitter=0.25)

    assert [backoff.delay(attempt, lambda: 0.5) for attempt in (1, 2, 3)] == [1.0, 2.0, 4.0]
    assert backoff.delay(1, lambda: 0.0) == 0.75
    assert backoff.delay(1, lambda: 0.999999) == pytest.approx(1.25, abs=1e-5)
