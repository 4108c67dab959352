"""How far a stream has been read."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.cursor import Cursor

values = st.lists(st.one_of(st.integers().map(str), st.datetimes().map(lambda moment: moment.isoformat())))


@given(values)
def test_a_cursor_never_moves_back_and_ends_at_the_highest_value_whatever_the_order(seen):
    forward, backward = Cursor("updated_at"), Cursor("updated_at")

    for value in seen:
        forward = forward.past(value)
    for value in reversed(seen):
        backward = backward.past(value)

    assert forward == backward


@given(st.integers(min_value=2**53), st.integers(min_value=1, max_value=9))
def test_integers_of_any_length_compare_exactly(value, more):
    cursor = Cursor("id", str(value))

    assert cursor.past(str(value + more)).value == str(value + more)


def test_nothing_is_not_a_value():
    assert Cursor("id", "7").past(None) == Cursor("id", "7")


def test_times_compare_as_instants_whatever_their_format():
    cursor = Cursor("at").past("2026-01-01T00:00:00.5Z").past("2026-01-01T00:00:00Z").past("2026-01-01T01:00:00+02:00")

    assert cursor.value == "2026-01-01T00:00:00.5Z"
