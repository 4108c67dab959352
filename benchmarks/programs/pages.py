"""An API on loopback whose answers are bytes before anyone asks: `/records?page=N`, for those who bear the token."""

import asyncio
import json
import re
import sys
from itertools import islice
from pathlib import Path

PAGE = re.compile(rb"^GET /records\?(?:[^ ]*&)?page=(\d+)[& ]")
TOKEN = b"bearer loopback-token"


class Pages(asyncio.Protocol):
    """One connection, kept open; requests are answered in order."""

    answers: list[bytes] = []
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.waiting = b""

    def data_received(self, data) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            request, _, self.waiting = self.waiting.partition(b"\r\n\r\n")
            self.transport.write(self.answer(request))

    def answer(self, request) -> bytes:
        found = PAGE.match(request)
        if not found or not 1 <= int(found[1]) <= len(self.answers):
            return self.missing
        if TOKEN not in request.lower():
            return self.refusal
        return self.answers[int(found[1]) - 1]


def encode(path, size) -> list[bytes]:
    """Whole responses, head and body, of `size` records each."""
    bodies = []
    with Path(path).open() as lines:
        while page := [line.rstrip("\n") for line in islice(lines, size)]:
            bodies.append(",".join(page))
    answers = []
    for number, body in enumerate(bodies, 1):
        rest = json.dumps({"page": number, "pages": len(bodies)})[1:]
        whole = f'{{"data":[{body}],{rest}'.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(whole)}\r\n\r\n"
        answers.append(head.encode() + whole)
    return answers


async def main() -> None:
    Pages.answers = encode(sys.argv[1], int(sys.argv[2]))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Pages, "127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
