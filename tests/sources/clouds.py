"""Azure's Blob service and Google's Cloud Storage on loopback, as far as a reader of files asks them: lists in pages, facts, ranges."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

ACCOUNT, KEY = "acct", base64.b64encode(b"a key of thirty-two bytes, nearly").decode()
TOKEN = "ya29.a-token"


@dataclass
class Stored:
    """An object: its bytes, and which writing of it this is."""

    body: bytes
    generation: int
    at: datetime

    @property
    def tag(self):
        return f'"0x{self.generation:016X}"'


@dataclass
class Store:
    """What lies in one bucket or container by its name, what was asked ((method, name or prefix, range)), and who was refused.

    `page` is how many entries a listing gives at once; the next reads of a file are cut off after so many bytes as `cuts` say.
    """

    bucket: str
    endpoint: str = ""
    page: int = 3
    objects: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    cuts: list = field(default_factory=list)
    written: int = 0

    def put(self, name, body):
        self.written += 1
        self.objects[name] = Stored(body, self.written, datetime.now(UTC))

    def listed(self, prefix, delimiter, marker):
        """A page of names and prefixes, in order, and the marker of the next."""
        found = {}
        for name in self.objects:
            if name.startswith(prefix):
                head, cut, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
                found[prefix + head + cut if cut else name] = None if cut else self.objects[name]
        names = [name for name in sorted(found) if name > marker]
        return {name: found[name] for name in names[: self.page]}, names[self.page - 1] if names[self.page :] else ""


class Answers(BaseHTTPRequestHandler):
    """What both services have in common."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, body=b"", headers=None, cut=None):
        self.send_response(status)
        given = {"Content-Type": "application/octet-stream", "Content-Length": str(len(body)), **(headers or {})}
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
        self.close_connection = cut is not None

    def ranged(self, stored, header, headers):
        """The bytes of a range, as `bytes=5-` or `bytes=5-9`."""
        body, size = stored.body, len(stored.body)
        if not header:
            self.send(200, body, headers, self.cut())
            return
        first, _, last = header.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last) + 1 if last else size, size)
        if start >= size:
            self.send(416, b"", {"Content-Range": f"bytes */{size}"})
            return
        self.send(206, body[start:stop], {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}, self.cut())

    def cut(self):
        return self.store.cuts.pop(0) if self.store.cuts else None


class Blobs(Answers):
    """Azure's Blob service: each request has to be signed with the account's key."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        _, account, container, *rest = parts.path.split("/", 3)
        name = unquote(rest[0]) if rest else ""
        if not self.signed(parts.path, asked):
            self.store.refused.append(self.path)
            self.failed(403, "AuthenticationFailed")
        elif (account, container) != (ACCOUNT, self.store.bucket):
            self.failed(404, "ContainerNotFound")
        elif asked.get("action") == "getAccessControl":
            self.failed(400, "HierarchicalNamespaceNotEnabled")
        elif asked.get("comp") == "list":
            self.list(asked)
        elif not name:
            self.send(200, b"", {"ETag": '"0x1"', "Last-Modified": format_datetime(datetime.now(UTC), usegmt=True)})
        elif name not in self.store.objects:
            self.failed(404, "BlobNotFound")
        else:
            stored = self.store.objects[name]
            header = self.headers.get("x-ms-range") or self.headers.get("Range")
            self.store.asked.append((self.command, name, header))
            made = format_datetime(stored.at, usegmt=True)
            facts = {
                "ETag": stored.tag, "Last-Modified": made, "x-ms-creation-time": made, "x-ms-blob-type": "BlockBlob",
                "x-ms-lease-state": "available", "x-ms-lease-status": "unlocked", "x-ms-server-encrypted": "true",
                "Accept-Ranges": "bytes", "x-ms-version": self.headers["x-ms-version"],
            }  # fmt: skip
            self.ranged(stored, header, facts)

    def failed(self, status, code):
        body = f"<?xml version='1.0' encoding='utf-8'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
        told = {"x-ms-error-code": code, "Content-Type": "application/xml"}
        self.send(status, b"" if self.command == "HEAD" else body.encode(), {} if self.command == "HEAD" else told)

    def signed(self, path, asked):
        """Whether the request carries the signature that the account's key makes of it."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        plain = ("content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
                 "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range")  # fmt: skip
        lines = [self.command, *(headers.get(one, "") for one in plain)]
        lines[3] = "" if lines[3] == "0" else lines[3]
        lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-ms-")]
        resource = "".join(f"\n{name.lower()}:{asked[name]}" for name in sorted(asked))
        text = "\n".join([*lines, f"/{ACCOUNT}{path}{resource}"])
        made = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)).decode()
        return headers.get("authorization") == f"SharedKey {ACCOUNT}:{made}"

    def list(self, asked):
        prefix = asked.get("prefix", "")
        self.store.asked.append(("LIST", prefix, asked.get("marker") or None))
        found, marker = self.store.listed(prefix, asked.get("delimiter", ""), asked.get("marker", ""))
        entries = "".join(
            f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>"
            if stored is None
            else f"<Blob><Name>{escape(name)}</Name><Properties><Creation-Time>{format_datetime(stored.at, usegmt=True)}</Creation-Time>"
            f"<Last-Modified>{format_datetime(stored.at, usegmt=True)}</Last-Modified><Etag>{stored.tag[1:-1]}</Etag>"
            f"<Content-Length>{len(stored.body)}</Content-Length><BlobType>BlockBlob</BlobType><ServerEncrypted>true</ServerEncrypted>"
            "<AccessTier>Hot</AccessTier><LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState></Properties></Blob>"
            for name, stored in found.items()
        )
        body = (
            f"<?xml version='1.0' encoding='utf-8'?><EnumerationResults ServiceEndpoint='{self.store.endpoint}/{ACCOUNT}/' "
            f"ContainerName='{self.store.bucket}'><Prefix>{escape(prefix)}</Prefix><Blobs>{entries}</Blobs>"
            f"<NextMarker>{escape(marker)}</NextMarker></EnumerationResults>"
        )
        self.send(200, body.encode(), {"Content-Type": "application/xml"})


class Objects(Answers):
    """Cloud Storage's JSON interface: each request has to bear the token."""

    def do_GET(self):
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        home = f"/storage/v1/b/{self.store.bucket}"
        rest = parts.path.removeprefix(home)
        name = unquote(rest.removeprefix("/o/"))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.store.refused.append(self.path)
            self.failed(401, "Invalid Credentials")
        elif not parts.path.startswith(home):
            self.failed(404, "The specified bucket does not exist.")
        elif rest == "":
            self.send(200, json.dumps({"kind": "storage#bucket", "name": self.store.bucket}).encode())
        elif rest == "/o":
            self.list(asked)
        elif name not in self.store.objects:
            self.failed(404, f"No such object: {self.store.bucket}/{name}")
        elif asked.get("alt") == "media":
            stored = self.store.objects[name]
            if asked.get("generation") not in (None, str(stored.generation)):
                self.failed(404, "No such generation")
                return
            self.store.asked.append(("GET", name, self.headers.get("Range")))
            digest = base64.b64encode(hashlib.md5(stored.body, usedforsecurity=False).digest()).decode()
            facts = {"x-goog-generation": str(stored.generation), "ETag": stored.tag, "x-goog-hash": f"md5={digest}"}
            self.ranged(stored, self.headers.get("Range"), facts)
        else:
            self.store.asked.append(("HEAD", name, None))
            self.send(200, json.dumps(self.facts(name, self.store.objects[name])).encode())

    def failed(self, status, message):
        body = {"error": {"code": status, "message": message, "errors": [{"message": message, "domain": "global"}]}}
        self.send(status, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def facts(self, name, stored):
        moment = stored.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "kind": "storage#object", "bucket": self.store.bucket, "name": name, "size": str(len(stored.body)),
            "generation": str(stored.generation), "metageneration": "1", "updated": moment, "timeCreated": moment,
            "etag": stored.tag, "id": f"{self.store.bucket}/{quote(name, safe='')}/{stored.generation}",
        }  # fmt: skip

    def list(self, asked):
        prefix = asked.get("prefix", "")
        self.store.asked.append(("LIST", prefix, asked.get("pageToken")))
        found, marker = self.store.listed(prefix, asked.get("delimiter", ""), asked.get("pageToken", ""))
        body = {
            "kind": "storage#objects",
            "items": [self.facts(name, stored) for name, stored in found.items() if stored],
            "prefixes": [name for name, stored in found.items() if not stored],
            **({"nextPageToken": marker} if marker else {}),
        }
        self.send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})


def serve(kind):
    """A store at a port of its own, told by lines of JSON what to hold, to cut off or to tell; ends with them."""
    store = Store("lake")
    handler = {"azure": Blobs, "google": Objects}[kind]
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"store": store}))
    server.daemon_threads = True
    store.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answer = store.endpoint
    while True:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            return
        word, *values = json.loads(line)
        if word == "put":
            answer = store.put(values[0], base64.b64decode(values[1]))
        elif word == "delete":
            answer = bool(store.objects.pop(values[0]))
        elif word == "cut":
            answer = store.cuts.append(values[0])
        else:
            answer = {"asked": store.asked[:], "refused": store.refused[:]}
            store.asked.clear()


class Cloud:
    """A store in a process of its own, because one of the clients holds Python's lock while it waits for an answer."""

    def __init__(self, kind):
        command = [sys.executable, __file__, kind]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.endpoint = self._read()

    def put(self, name, body):
        self._say("put", name, base64.b64encode(body).decode())

    def delete(self, name):
        self._say("delete", name)

    def cut(self, size):
        """Cut the next read of a file off after so many bytes."""
        self._say("cut", size)

    def asked(self):
        """What was asked since the last time: (method, name or prefix, range or the marker of the page)."""
        return [tuple(one) for one in self._say("asked")["asked"]]

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def _say(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self):
        return json.loads(self.process.stdout.readline())


if __name__ == "__main__":
    serve(sys.argv[1])
