"""Places with files, on loopback: an S3 server, an SSH server, and a web server that misbehaves."""

import asyncio
import hashlib
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEYS = {"access_key_id": "testing", "secret_access_key": "testing-secret"}


@contextmanager
def s3(bucket="lake"):
    """moto's S3 server with a bucket. Gives the endpoint, and a client of boto3."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEYS["access_key_id"],
        aws_secret_access_key=KEYS["secret_access_key"],
    )
    client.create_bucket(Bucket=bucket)
    try:
        yield endpoint, client
    finally:
        client.close()
        server.stop()


@dataclass
class Ssh:
    """A running SSH server: its port, its key's line, and how often a read was cut off."""

    port: int
    host_key: str
    root: str
    cuts: list = field(default_factory=list)
    reads: list = field(default_factory=list)
    opened: list = field(default_factory=list)


@contextmanager
def ssh(root):
    """asyncssh's server, which shows the folder `root` to the user `loader` with the password `opensesame`."""
    import asyncssh

    host = asyncssh.generate_private_key("ssh-ed25519")
    connections = []
    made, ready, loop = Ssh(0, host.export_public_key().decode().strip(), str(root)), threading.Event(), None

    class Login(asyncssh.SSHServer):
        def connection_made(self, connection):
            connections.append(connection)

        def password_auth_supported(self):
            return True

        def validate_password(self, username, password):
            return (username, password) == ("loader", "opensesame")

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel):
            super().__init__(channel, chroot=os.fsencode(root))

        def open(self, path, pflags, attrs):
            made.opened.append(os.path.basename(os.fsdecode(path)))  # noqa: PTH119 - a path of bytes
            return super().open(path, pflags, attrs)

        def read(self, file_obj, offset, size):
            made.reads.append(offset)
            if made.cuts and offset >= made.cuts[0]:
                made.cuts.pop(0)
                self.channel.get_connection().abort()
                raise asyncssh.SFTPError(asyncssh.FX_FAILURE, "cut")
            return super().read(file_obj, offset, size)

    async def run():
        nonlocal loop
        loop = asyncio.get_running_loop()
        stop = loop.create_future()
        made.stop = stop
        server = await asyncssh.create_server(
            Login, "127.0.0.1", 0, server_host_keys=[host], sftp_factory=Files, allow_scp=False
        )
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop
        server.close()
        for connection in connections:
            connection.abort()
            await connection.wait_closed()
        await server.wait_closed()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    ready.wait(20)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(made.stop.set_result, None)
        thread.join(20)


@dataclass
class Web:
    """The files of a web server by path, the faults of its next answers, and what it was asked: (method, path, Range)."""

    url: str
    files: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    headers: list = field(default_factory=list)
    gets: list = field(default_factory=list)
    refuse_head: bool = False


@contextmanager
def web():
    """A web server with ranges and tags. Faults of a GET: ("cut", bytes), ("lie", bytes), a status, or a call that changes files."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            made.asked.append((self.command, self.path, self.headers.get("Range")))
            made.headers.append(dict(self.headers))
            if self.command == "GET":
                made.gets.append(self.path.rpartition("/")[2])
            if self.command == "HEAD" and made.refuse_head:
                self.send(403, b"")
                return
            data = made.files.get(self.path)
            if data is None:
                self.send(404, b"gone")
                return
            tag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
            start, stop = 0, len(data)
            if self.headers.get("Range") and self.headers.get("If-Range", tag) == tag:
                first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
                start, stop = int(first), int(last) + 1 if last else len(data)
            fault = made.faults.pop(0) if made.faults and self.command == "GET" else None
            if callable(fault):
                fault()
                fault = None
            if isinstance(fault, int):
                self.send(fault, b"later")
                return
            ranged = (
                {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"} if (start, stop) != (0, len(data)) else {}
            )
            self.send(206 if ranged else 200, data[start:stop], {"ETag": tag, **ranged}, fault)

        def send(self, status, data, headers=None, fault=None):
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            kind, keep = fault or (None, len(data))
            self.send_header("Content-Length", str(keep if kind == "lie" else len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[:keep])
            if kind:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Web(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environment_without_clouds(monkeypatch):
    """No credentials of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
