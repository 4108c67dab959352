"""A server that sends what it is told, byte by byte: for each page its answers in turn, the last of them for ever."""

import contextlib
import gzip
import json
import socket
import struct
import threading
import time
from collections import defaultdict
from urllib.parse import parse_qs, urlsplit

RESET, SILENCE = "reset", "silence"


def answer(body, *headers, status="200 OK", length=None):
    """A response in bytes; `length` is what Content-Length says where that is a lie."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = [f"HTTP/1.1 {status}", f"Content-Length: {len(data) if length is None else length}", *headers]
    return "\r\n".join(said).encode() + b"\r\n\r\n" + data


def drip(seconds, data):
    """All of it byte by byte, the head as well."""
    return (seconds, b"\r\n\r\n" + data)


def zipped(data):
    """A body that says of itself that it is packed."""
    return answer(data, "Content-Encoding: gzip")


def packed(body):
    return gzip.compress(json.dumps(body).encode())


def chunked(data):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data


def page(number):
    return {"data": [{"id": 2 * number - 1}, {"id": 2 * number}], "more": number < 3}


SECOND = page(2)
BODY = json.dumps(SECOND).encode()
DEEP = b'{"data": [{"id": 3, "x": ' + b'[{"a": ' * 3000 + b"1" + b"}]" * 3000 + b'}], "more": true}'
BROKEN = {
    "reset before the status": (RESET, "the connection was dropped"),
    "no answer": (SILENCE, "no answer within the timeout"),
    "ends after the status": (b"HTTP/1.1 200 OK\r\n", "the body is not JSON"),
    "ends in a header": (b"HTTP/1.1 200 OK\r\nContent-Le", "the body is not JSON"),
    "is no HTTP": (b"hello\r\n\r\n", "the connection was dropped"),
    "ends in the body": (answer(BODY[:20], length=len(BODY)), "the connection was dropped"),
    "says too short a length": (answer(BODY, length=10), "the body is not JSON"),
    "says a length that no machine has": (answer(BODY, length=10**30), "the connection was dropped|not HTTP"),
    "chunks that are none": (chunked(b"zz\r\nnope"), "the connection was dropped"),
    "a chunk that is cut off": (chunked(b"5\r\nab"), "the connection was dropped"),
    "a chunk of negative length": (chunked(b"-5\r\nab"), "the connection was dropped|not HTTP"),
    "packed as it is not": (zipped(b"garbage!!"), "the compressed body is damaged"),
    "packed without its end": (zipped(packed(SECOND)[:-9]), "the compressed body is damaged"),
    "a gzip file without its end": (answer(packed(SECOND)[:-4]), "the compressed body is damaged"),
    "packed in a way nobody asked for": (answer(BODY, "Content-Encoding: br"), "packed as 'br'"),
    "empty": (answer(b""), "the body is not JSON"),
    "HTML": (answer(b"<html>busy</html>", "Content-Type: text/html"), "the body is not JSON: <html>busy"),
    "half of the JSON": (answer(BODY[:15]), "the body is not JSON"),
    "two documents": (answer(BODY + BODY), "the body is not JSON"),
    "Latin-1": (answer('{"data": [{"id": "é"}]}'.encode("latin-1")), "the body is not UTF-8"),
    "UTF-16": (answer(json.dumps(SECOND).encode("utf-16")), "the body is not UTF-8"),
    "half a character": (answer(b'{"data": [{"id": 3, "x": "\\ud800"}], "more": true}'), "the body is not JSON"),
    "a control character": (answer(b'{"data": [{"id": 3, "x": "\x01"}], "more": true}'), "the body is not JSON"),
    "deeper than anybody nests": (answer(DEEP), "nested deeper than 100 levels"),
    "a circle of redirects": (answer(b"", "Location: /orders?page=2", status="302 Found"), "redirects again and again"),
    "a redirect to nowhere": (answer(b"", "Location: http://[::1", status="302 Found"), "is not HTTP|no web address"),
    "a redirect to a file": (answer(b"", "Location: file:///etc/passwd", status="302 Found"), "no web address"),
    "a thousand headers": (answer(BODY, *(f"X-{n}: 1" for n in range(1000))), "the connection was dropped"),
    "a header without end": (answer(BODY, "X: " + "a" * 70_000), "the connection was dropped"),
    "a status that is none": (answer(BODY, status="000 Zero"), "the connection was dropped"),
}
"""Ways in which an answer can be broken, each with what is said of it."""


class Wire:
    """`answers[page]` are bytes, functions of the parameters, RESET, SILENCE, or (seconds, bytes): the body byte by byte."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.answers = defaultdict(list)
        self.asked = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.converse, args=(connection,), daemon=True).start()

    def converse(self, connection):
        # Whoever asked may go away in the middle, as it should.
        with connection, contextlib.suppress(OSError):
            held = b""
            while not self.ended.is_set():
                while b"\r\n\r\n" not in held:
                    got = connection.recv(65536)
                    if not got:
                        return
                    held += got
                head, _, held = held.partition(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines[1:])}
                while len(held) < int(headers.get("content-length", 0)):
                    held += connection.recv(65536)
                self.send(connection, self.next(lines[0].split(" ")[1], headers, held))
                held = b""

    def next(self, target, headers, body):
        params = {name: values[-1] for name, values in parse_qs(urlsplit(target).query).items()}
        with self.lock:
            self.asked.append((target, headers, body))
            found = self.answers[params.get("page") or params.get("cursor") or "1"] or self.answers["else"]
            made = found.pop(0) if len(found) > 1 else found[0]
        return made(params) if callable(made) else made

    def send(self, connection, made):
        """Send it; a connection that can serve no further request ends with an OSError."""
        if made == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise OSError(made)
        if made == SILENCE:
            self.ended.wait(3)
            raise OSError(made)
        seconds, whole = made if isinstance(made, tuple) else (0, made)
        head, _, body = whole.partition(b"\r\n\r\n")
        connection.sendall((head + b"\r\n\r\n" if head else b"") if seconds else whole)
        for at in range(len(body) if seconds else 0):
            time.sleep(seconds)
            connection.sendall(body[at : at + 1])
        if f"Content-Length: {len(body)}".encode() not in head:
            raise OSError("who lies of the length has to hang up")
