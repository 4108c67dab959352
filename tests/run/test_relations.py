"""What a run knows of the tables there are."""

import threading

from headrace.run.session import Relations


class Slow:
    """A session whose statements end when they are let."""

    def __init__(self):
        self.begun, self.let = threading.Event(), threading.Event()

    def run(self, operation):
        self.begun.set()
        self.let.wait(10)

    def inspect(self, *schemas, database=None):
        return {}


def test_who_needs_no_new_schema_does_not_wait_for_who_makes_one():
    relations, slow, through = Relations(), Slow(), threading.Event()
    making = threading.Thread(target=relations.open, args=(slow, ["audit"]))
    asking = threading.Thread(target=lambda: (relations.open(None, ()), through.set()))

    making.start()
    slow.begun.wait(10)
    asking.start()
    went_through = through.wait(5)
    slow.let.set()
    making.join()
    asking.join()

    assert went_through
