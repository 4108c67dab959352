"""A Singer tap as a process: how it is started, what it says it has, and its output in blocks of whole lines."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, TapFailed, did_you_mean
from headrace.project.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.project.singer_sources import Tap
    from headrace.project.sources import Stream

_BLOCK = 4_000_000
_SAID = 12
"""Lines of a tap's complaints that are kept."""
_catalogs: dict[str, dict[str, Any]] = {}
_asking = threading.Lock()


def catalog_of(stream: Stream, tap: Tap) -> dict[str, Any]:
    """What the tap has: its catalog file's word, or what it answers to `--discover`, asked once for each process. Raises TapFailed."""
    if tap.catalog:
        path = Path(stream.folder) / tap.catalog
        if not path.is_file():
            raise ConfigInvalid(f"there is no file {tap.catalog}", where=stream.place)
        return _catalog(stream, path.read_bytes(), tap.catalog)
    key = json.dumps([stream.folder, tap.model_dump()], default=str)
    with _asking:
        if key not in _catalogs:
            with started(stream, tap, {}, ("--discover",)) as blocks:
                raw = b"".join(blocks)
            # Now that the tap has ended well; otherwise, what it complained of says more.
            _catalogs[key] = _catalog(stream, raw, "what the tap answers to --discover")
        return _catalogs[key]


def _catalog(stream: Stream, raw: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise TapFailed(
            f"{stream.label}: {what} is no catalog: {_excerpt(raw)}",
            where=stream.place,
            hint="a tap that has no --discover needs `catalog:`, the path of a catalog file",
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("streams"), list):
        raise TapFailed(f"{stream.label}: {what} has no list of streams", where=stream.place)
    return found


def entry_of(stream: Stream, catalog: Mapping[str, Any], wanted: str) -> dict[str, Any]:
    """The stream's entry in a catalog. Raises ConfigInvalid, naming those that are there."""
    for entry in catalog["streams"]:
        if wanted in (entry.get("tap_stream_id"), entry.get("stream")):
            return dict(entry)
    known = [str(entry.get("tap_stream_id") or entry.get("stream")) for entry in catalog["streams"]]
    hint = did_you_mean(wanted, known) or f"the tap has: {', '.join(known) or 'none'}"
    raise ConfigInvalid(f"{stream.label}: the tap has no stream '{wanted}'", where=stream.place, hint=hint)


def selected(entry: Mapping[str, Any], cursor: str | None) -> dict[str, Any]:
    """A catalog of one stream, selected, with the cursor that is asked for."""
    metadata = [dict(one) for one in entry.get("metadata") or ()]
    top = next((one for one in metadata if not one.get("breadcrumb")), None)
    if top is None:
        top = {"breadcrumb": [], "metadata": {}}
        metadata.append(top)
    said: dict[str, Any] = {"selected": True}
    chosen: dict[str, Any] = {**entry, "selected": True, "metadata": metadata}
    if cursor:
        said |= {"replication-method": "INCREMENTAL", "replication-key": cursor}
        chosen |= {"replication_method": "INCREMENTAL", "replication_key": cursor}
    top["metadata"] = {**top.get("metadata", {}), **said}
    return {"streams": [chosen]}


@contextmanager
def started(
    stream: Stream, tap: Tap, files: Mapping[str, Any], options: Sequence[str] = ()
) -> Iterator[Iterator[bytes]]:
    """The tap's output in blocks of whole lines, while it runs; `files` are options whose value is written to a file.

    It is stopped at the end of the block if it still runs. Raises TapFailed where it cannot start, and at its end if it failed.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-tap-") as folder:
        words = [*tap.command]
        for option, value in {"config": tap.config, **files}.items():
            path = Path(folder) / f"{option}.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps(value, default=str), encoding="utf-8")
            words += [f"--{option}", str(path)]
        try:
            process = subprocess.Popen(
                [*words, *options],
                cwd=stream.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise TapFailed(
                f"{stream.label}: '{tap.command[0]}' cannot be started: {error.strerror}",
                where=stream.place,
                hint="is the tap installed, and its program on the PATH?",
            ) from error
        said: deque[str] = deque(maxlen=_SAID)
        listener = threading.Thread(target=_listen, args=(process, said), daemon=True)
        listener.start()
        try:
            yield _blocks(process)
            if process.wait():
                listener.join(5)
                raise _failed(stream, process.returncode, said)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            listener.join(5)
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()


def _listen(process: subprocess.Popen[bytes], said: deque[str]) -> None:
    with suppress(ValueError):  # the pipe may be closed meanwhile
        for line in process.stderr or ():
            said.append(line.decode(errors="replace").rstrip())


def _blocks(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time; the last one may lack its end."""
    if process.stdout is None:
        return
    rest = b""
    while block := process.stdout.read(_BLOCK):
        whole, newline, rest = (rest + block).rpartition(b"\n")
        if newline:
            yield whole + newline
    if rest:
        yield rest


def _failed(stream: Stream, code: int, said: Sequence[str]) -> TapFailed:
    how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
    last = [line for line in said if line.strip()]
    return TapFailed("\n".join([f"{stream.label}: the tap {how}", *map(redact, last)]), where=stream.place)


def _excerpt(raw: bytes) -> str:
    text = raw[:120].decode(errors="replace")
    return redact(repr(text) + (" …" if len(raw) > 120 else ""))


def read_lines(path: str) -> bytes:
    """The lines of a file that a BATCH message names, unpacked."""
    place = path.removeprefix("file://")
    if "://" in place:
        raise ValueError(f"'{path}' is no file of this machine")
    raw = Path(place).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        import gzip

        raw = gzip.decompress(raw)
    return raw
