"""Files of a web server: what a HEAD says of them, and their bytes by ranges of the version that was looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from headrace.errors import NotSupported, RequestFailed
from headrace.extract.connections import NoAnswer, may_pass
from headrace.extract.http import Http, Request, retried
from headrace.extract.places import Broken, Listed
from headrace.extract.shared import shared
from headrace.project.apis import Client
from headrace.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace.project.file_places import HttpAccess
    from headrace.retry import Clock

_BLOCK = 1_000_000
_PLAIN = {"Accept": "*/*", "Accept-Encoding": "identity"}


class Web:
    """One server, by its scheme and host; paths are whole URLs."""

    def __init__(self, url: str, access: HttpAccess, clock: Clock) -> None:
        parts = urlsplit(url)
        home = f"{parts.scheme}://{parts.netloc}"
        self.client = Client(
            base_url=home, headers=access.headers, auth=access.auth, retry=access.retry, timeout=access.timeout
        )
        own = shared(self.client, clock)
        self.http = Http(self.client, own.identity(), own.gates("files", None), clock, threads=32)
        self.clock = clock
        self.flat = False
        self.scratch_name = re.sub(r"\W+", "-", parts.netloc.rpartition("@")[2])

    def list(self, folder: str, *, deep: bool) -> Iterator[Listed]:
        """A web server lists nothing."""
        raise NotSupported(
            f"{self._shown(folder)}: a web server does not list its files{' below a folder' if deep else ''}",
            hint="name each by its URL, or by `for_each:` and a name in braces",
        )

    def look(self, path: str) -> Listed | None:
        """What the server says of a file without sending it; one that refuses HEAD is asked for the first byte."""
        headers = self._headers(path)
        if headers is None:
            return None
        size = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length")
        tag = headers.get("etag") or ""
        version = f"{size or ''}-{tag or headers.get('last-modified') or ''}"
        return Listed(path, self._shown(path), version, int(size) if size and size.isdigit() else None)

    def tag(self, path: str) -> str:
        """The server's ETag."""
        found = (self._headers(path) or {}).get("etag")
        if not found:
            raise NotSupported(f"{self._shown(path)} has no ETag", hint="`changed_by: mtime` or `content`")
        return found.strip('"')

    def fetch(self, file: Listed, part: Path) -> None:
        """From where the part ends, if the server still has the same version; else from the beginning."""
        start = part.stat().st_size if part.exists() else 0
        if start and start == file.size:
            return
        tag = file.version.partition("-")[2]
        going_on = {"Range": f"bytes={start}-", "If-Range": tag} if start and tag and not tag.startswith("W/") else {}
        try:
            with self.http.begun(Request(file.path, headers={**_PLAIN, **going_on})) as raw:
                self._check(raw, file)
                with part.open("ab" if raw.status == 206 else "wb") as sink:
                    for block in raw.stream(_BLOCK, decode_content=False):
                        sink.write(block)
        except NoAnswer as error:
            raise Broken(error.reason) from error

    def close(self) -> None:
        """End all connections."""
        self.http.close()

    def _check(self, raw: Any, file: Listed) -> None:
        if raw.status in (404, 410):
            raise FileNotFoundError(file.name)
        if retried(raw.status, self.client.retry.retry_on):
            raise Broken(f"status {raw.status}")
        if raw.status not in (200, 206):
            failed = RequestFailed(f"GET {file.name} failed: status {raw.status}")
            failed.passes = may_pass(raw.status)
            raise failed

    def _headers(self, path: str) -> dict[str, str] | None:
        """The headers of a file; None where there is none. Tried again as the retries say."""
        retry = self.client.retry
        pauses = Backoff(retry.max_attempts, retry.backoff, retry.factor, retry.max_delay, retry.jitter)
        for attempt in range(1, retry.max_attempts + 1):
            try:
                status, headers = self._asked(Request(path, method="HEAD", headers=_PLAIN))
                if status in (403, 405, 501):
                    status, headers = self._asked(Request(path, headers={**_PLAIN, "Range": "bytes=0-0"}))
                if status in (404, 410):
                    return None
                if 200 <= status < 300:
                    return headers
                reason = f"status {status}"
                if not retried(status, retry.retry_on):
                    break
            except NoAnswer as error:
                reason = error.reason
            if attempt < retry.max_attempts:
                self.clock.sleep(pauses.delay(attempt, self.clock.random))
        raise RequestFailed(f"{self._shown(path)} cannot be looked at: {self.http.shown(reason)}")

    def _asked(self, request: Request) -> tuple[int, dict[str, str]]:
        """The status and the headers; the body is not wanted, and its connection is given back for the next request."""
        with self.http.begun(request) as raw:
            raw.close()
            raw.release_conn()
        return raw.status, {name.lower(): value for name, value in raw.headers.items()}

    def _shown(self, path: str) -> str:
        return self.http.shown_url(Request(path))
