"""Serve the earthquakes as a paginated API on loopback: `python serve.py [--until MS] [COMMAND ...]`.

With a command, the API runs while the command does, which finds it in EARTHQUAKES_API; without one, until Ctrl-C.
GET /events takes `updated_after` (at or after, in milliseconds since 1970), `limit` and `offset`, and answers in the order of updates.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FEED = Path(__file__).parent / "data" / "usgs_earthquakes.geojson.json"


class Events(BaseHTTPRequestHandler):
    """Answers with a page of the events, which it is given in order."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def __init__(self, events: list[dict[str, Any]], *connection: Any) -> None:
        self.events = events
        super().__init__(*connection)

    def do_GET(self) -> None:
        """Send the page that the query asks for."""
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        after, offset, limit = (int(query.get(name, 0)) for name in ("updated_after", "offset", "limit"))
        found = [event for event in self.events if event["properties"]["updated"] >= after]
        page = found[offset : offset + (limit or 100)]
        answer = {"type": "FeatureCollection", "metadata": {"total": len(found), "offset": offset}, "features": page}
        body = json.dumps(answer if url.path == "/events" else {"error": "there is only /events"}).encode()
        self.send_response(200 if url.path == "/events" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name for it
        """Say on stderr what was asked for."""
        print(format % args, file=sys.stderr)


def feed(until: int | None) -> list[dict[str, Any]]:
    """The events that were last revised by then, in the order of their revisions."""
    events = json.loads(FEED.read_text(encoding="utf-8"))["features"]
    shown = [event for event in events if until is None or event["properties"]["updated"] <= until]
    return sorted(shown, key=lambda event: (event["properties"]["updated"], event["id"]))


def main() -> int:
    """Serve, and run the command if there is one; returns its exit code."""
    parser = argparse.ArgumentParser(description="Serve the earthquakes as a paginated API on loopback.")
    parser.add_argument("--until", type=int, metavar="MS", help="the feed as it stood then, in milliseconds since 1970")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    with ThreadingHTTPServer(("127.0.0.1", chosen.port), partial(Events, feed(chosen.until))) as server:
        server.daemon_threads = True
        url = f"http://127.0.0.1:{server.server_port}"
        if not chosen.command:
            print(f"EARTHQUAKES_API={url}", flush=True)
            server.serve_forever()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {**os.environ, "EARTHQUAKES_API": url}
        done = subprocess.run(chosen.command, env=environment, cwd=FEED.parent.parent, check=False)
        server.shutdown()
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
