"""A wire between headrace and a database's server that can be cut at a chosen statement: before it is heard, when it is done, or amid its answer."""

import contextlib
import os
import signal
import socket
import struct
import threading
import time
from pathlib import Path

BEFORE, AFTER = "before", "after"


class Between:
    """Listens on a port and passes everything on to PostgreSQL's socket. `cut` waits for a statement with some words in it."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.words, self.when, self.since, self.act = None, BEFORE, None, None
        self.heard = []
        self.silent = None
        self.answers = None
        self.refused = 0
        self.lock = threading.Lock()
        self.open = set()

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop()

    def url(self, database):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable"

    def cut(self, words, when=BEFORE, since="", *, act=None):
        """Cut all connections once, at the first statement with these words behind one with those of `since`; `act` is done as well."""
        self.words, self.when, self.since, self.act = words.encode(), when, since.encode(), act

    def cut_answers(self, after, act):
        """Cut all connections once, when so many bytes of answers have been passed on; `act` is done as well."""
        self.answers, self.act = after, act

    def drop(self):
        with self.lock:
            held, self.open = self.open, set()
        hang_up(*held)

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.converse, args=(near,), daemon=True).start()

    def converse(self, near):
        with near, socket.socket(socket.AF_UNIX) as far:
            with contextlib.suppress(OSError):
                self.refused += 1
                far.connect(self.server.path)  # a server that is away refuses, and so does this
                self.refused -= 1
                with self.lock:
                    self.open |= {near, far}
                threading.Thread(target=self.back, args=(far, near), daemon=True).start()
                held, begun = b"", False
                while got := near.recv(65536):
                    held += got
                    held, begun = self.forward(held, far, begun)
            hang_up(near, far)

    def forward(self, held, far, begun):
        """Whole messages go on; the first has no letter before its length."""
        while len(held) >= 5:
            (size,) = struct.unpack("!I", held[1:5] if begun else held[:4])
            size += 1 if begun else 0
            if len(held) < size:
                break
            message, held = held[:size], held[size:]
            self.pass_on(message, far, query=begun and message[:1] in (b"Q", b"P", b"d"))
            begun = True
        return held, begun

    def pass_on(self, message, far, *, query):
        due = None
        if query and message[:1] != b"d":
            self.heard.append(message[5:200])
        with self.lock:
            if query and self.words is not None:
                if self.since and self.since in message:
                    self.since = b""
                elif not self.since and self.words in message:
                    due, self.words = self.when, None
        if due == BEFORE:
            self.interrupt()
        if due == AFTER:
            self.silent = far
        far.sendall(message)
        if due == AFTER:
            time.sleep(0.5)  # the server does it meanwhile; what it answers is let go
            self.interrupt()

    def interrupt(self):
        if self.act:
            self.act()
        self.drop()
        raise OSError("cut")

    def back(self, far, near):
        with contextlib.suppress(OSError):
            while got := far.recv(65536):
                if far is not self.silent:
                    near.sendall(got)
                if self.enough(len(got)):
                    self.interrupt()
        hang_up(near, far)

    def enough(self, size):
        with self.lock:
            if self.answers is None:
                return False
            self.answers -= size
            due = self.answers <= 0
            self.answers = None if due else self.answers
        return due


class BetweenMysql(Between):
    """The same for MySQL's protocol, whose packets say their length in three bytes, and in the fifth whether they are a statement."""

    def url(self, database):
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    def forward(self, held, far, begun):
        while len(held) >= 4 and len(held) >= (size := 4 + int.from_bytes(held[:3], "little")):
            self.pass_on(held[:size], far, query=held[4:5] == b"\x03")
            held = held[size:]
        return held, begun


def hang_up(*ends):
    """A socket that is only closed stays open for as long as another thread reads from it."""
    for one in ends:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class Mortal:
    """A server with `stop(how)` and `start()`."""

    def leave(self, how, until):
        """End it, and have it started again when something has come true."""
        self.stop(how)

        def wait():
            while not until():
                time.sleep(0.1)
            self.start()

        self.back = threading.Thread(target=wait)
        self.back.start()

    def kill(self):
        self.stop(signal.SIGKILL)

    def restart(self):
        self.stop(signal.SIGQUIT)
        self.start()


class Server(Mortal):
    """A PostgreSQL that may be killed and started again."""

    def __init__(self, made):
        self.made = made
        info = made.get_postmaster_info()
        self.path = f"{info.socket_dir}/.s.PGSQL.{info.port}"

    def stop(self, how):
        """End it at once: SIGKILL to its first process, or SIGQUIT, which is its immediate shutdown."""
        pid = int((self.made.pgdata / "postmaster.pid").read_text().split()[0])
        os.kill(pid, how)
        while alive(pid):
            time.sleep(0.02)

    def start(self):
        """Start it again, as soon as those who served sessions have noticed."""
        deadline = time.monotonic() + 30
        while True:
            try:
                self.made.ensure_postgres_running()
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)
            else:
                return


class MysqlServer(Mortal):
    """A MariaDB that may be."""

    def __init__(self, made):
        self.path, self.stop, self.start = made.path, made.stop, made.start


def alive(pid):
    """Whether it runs; one that ended and that nobody asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
