"""Facts, and who hears them."""

import threading
from contextvars import copy_context

from headrace.events import SegmentLanded, Warned, as_record, emit, listening


def test_listeners_hear_what_is_emitted_inside_their_block_and_nothing_else():
    heard = []

    emit(Warned("before"))
    with listening(heard.append):
        emit(Warned("inside"))
    emit(Warned("after"))

    assert heard == [Warned("inside")]


def test_a_copied_context_carries_the_listeners_into_a_thread():
    heard = []

    with listening(heard.append):
        thread = threading.Thread(target=copy_context().run, args=(emit, Warned("elsewhere")))
        thread.start()
        thread.join()

    assert heard == [Warned("elsewhere")]


def test_an_event_becomes_a_record_that_names_its_kind():
    assert as_record(SegmentLanded("api.orders", "0001", 5)) == {
        "event": "SegmentLanded",
        "stream": "api.orders",
        "segment": "0001",
        "rows": 5,
    }
