"""A process that runs the command line in children of its own and has them killed at a chosen moment.

It has everything imported, so a child costs a fork. Reads a line of JSON for each child: `argv`, and `moment` (the child gets SIGKILL
at its n-th moment: an event, a statement before or after it runs, a sync or a rename of a file, with `block` a block of so many bytes that
is fetched) or `seconds` (SIGKILL after so long)
or neither. Answers how the child ended and how many moments it saw.
"""

import json
import os
import signal
import struct
import sys
import threading
from pathlib import Path


class Moments:
    """Counts moments into shared memory, and dies at the chosen one."""

    def __init__(self, fatal, counter):
        self.fatal, self.counter, self.lock, self.count = fatal, counter, threading.Lock(), 0

    def __call__(self, *_):
        with self.lock:
            self.count += 1
            os.pwrite(self.counter, struct.pack("q", self.count), 0)
            if self.count == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner, name):
        original = getattr(owner, name)

        def watched(*args, **kwargs):
            self()
            result = original(*args, **kwargs)
            self()
            return result

        setattr(owner, name, watched)


class Part:
    """A file that is being fetched: before and after each block that is written to it is a moment."""

    def __init__(self, file, moments):
        self.file, self.moments = file, moments

    def __enter__(self):
        self.file.__enter__()
        return self

    def __exit__(self, *error):
        return self.file.__exit__(*error)

    def write(self, block):
        self.moments()
        self.file.write(block)
        self.file.flush()
        self.moments()


def in_blocks(moments, size):
    """Have files of other places come in blocks of this size, and each block be a moment; and pages of APIs land one by one."""
    from headrace.extract import object_stores, rest, sftp, web_files

    rest._PAGES = 1
    for module in (object_stores, sftp, web_files):
        module._BLOCK = size
    original = Path.open

    def opened(path, mode="r", *args, **kwargs):
        file = original(path, mode, *args, **kwargs)
        return Part(file, moments) if path.suffix == ".part" and mode in ("ab", "wb") else file

    Path.open = opened


def child(order, counter):
    """What the forked process does: the command line, watched."""
    from headrace.cli.main import main
    from headrace.events import listening
    from headrace.warehouse.embedded import Embedded
    from headrace.warehouse.postgres import PostgresConnection

    moments = Moments(order.get("moment"), counter)
    moments.around(os, "fsync")
    moments.around(os, "link")
    moments.around(Path, "rename")
    moments.around(Embedded, "rows")
    moments.around(PostgresConnection, "execute")
    moments.around(PostgresConnection, "rows")
    moments.around(PostgresConnection, "load_local")
    if "block" in order:
        in_blocks(moments, order["block"])
    if "seconds" in order:
        threading.Timer(order["seconds"], lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    log = os.open(order["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["headrace", *order["argv"]]
    with listening(moments):
        code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve():
    """One child after another, until the orders end."""
    import headrace.cli.main
    import headrace.run.execute
    import headrace.warehouse.duckdb
    import headrace.warehouse.postgres  # noqa: F401 - imported once, for all children

    counter = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
    for line in sys.stdin:
        order = json.loads(line)
        os.pwrite(counter, struct.pack("q", 0), 0)
        process = os.fork()
        if process == 0:
            child(order, counter)
        _, status = os.waitpid(process, 0)
        killed = os.WIFSIGNALED(status)
        (count,) = struct.unpack("q", os.pread(counter, 8, 0))
        answer = {"killed": killed, "code": None if killed else os.WEXITSTATUS(status), "moments": count}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
