"""Signatures over a request: AWS Signature Version 4, and keyed hashes that a user describes. Pure functions of request and time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from headrace.project.credentials import AwsSigV4, HmacAuth


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it goes out."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


def sigv4(wire: Wire, auth: AwsSigV4, now: datetime) -> dict[str, str]:
    """The headers that AWS asks for: date, session token and signature."""
    parts = urlsplit(wire.url)
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"Host": parts.netloc.rpartition("@")[2], "X-Amz-Date": stamp}
    payload = hashlib.sha256(wire.body or b"").hexdigest()
    if auth.service == "s3":
        added["X-Amz-Content-Sha256"] = payload
    if auth.session_token:
        added["X-Amz-Security-Token"] = auth.session_token
    signed = {name.lower(): " ".join(value.split()) for name, value in added.items()}
    signed |= {
        name.lower(): " ".join(value.split())
        for name, value in wire.headers.items()
        if name.lower() == "content-type" or name.lower().startswith("x-amz-")
    }
    names = ";".join(sorted(signed))
    path = _normalised(parts.path) if auth.service != "s3" else parts.path
    # Services other than S3 sign the path encoded once more than it is sent.
    canonical_path = quote(path, safe="/-_.~") if auth.service != "s3" else quote(unquote(path), safe="/-_.~")
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    canonical = "\n".join(
        [
            wire.method,
            canonical_path or "/",
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            payload,
        ]
    )
    scope = f"{stamp[:8]}/{auth.region}/{auth.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{auth.secret_access_key}".encode()
    for part in (stamp[:8], auth.region, auth.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={auth.access_key_id}/{scope}"
    added["Authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"
    return added


def _normalised(path: str) -> str:
    """The path without `.`, `..` and empty steps."""
    kept: list[str] = []
    for step in path.split("/"):
        if step == "..":
            kept = kept[:-1]
        elif step not in ("", "."):
            kept.append(step)
    return "/" + "/".join(kept) + ("/" if path.endswith("/") and kept else "")


def keyed(wire: Wire, auth: HmacAuth, now: datetime) -> dict[str, str]:
    """The signature of the message, the time it was made at, and the headers that go with them."""
    parts = urlsplit(wire.url)
    body = wire.body or b""
    seconds = now.timestamp()
    stamps = {"unix": str(int(seconds)), "unix_ms": str(int(seconds * 1000))}
    stamp = stamps.get(auth.timestamp_format) or now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = {
        "method": wire.method,
        "path": parts.path,
        "query": parts.query,
        "url": wire.url,
        "body": body.decode(),
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "timestamp": stamp,
    }
    message = auth.message
    for name, value in values.items():
        message = message.replace(f"{{{name}}}", value) if name != "body" else message
    message = message.replace("{body}", values["body"])  # last: a body may hold braces of its own
    digest = hmac.digest(auth.secret.encode(), message.encode(), auth.algorithm)
    text = digest.hex() if auth.encoding == "hex" else base64.b64encode(digest).decode()
    timed = {auth.timestamp_header: stamp} if auth.timestamp_header else {}
    return {**auth.headers, **timed, auth.header: auth.prefix + text}
