"""JSON Web Tokens (RFC 7519), signed: with a shared secret by the standard library, with a private key by `cryptography`."""

from __future__ import annotations

import base64
import hmac
import json
from typing import TYPE_CHECKING, Any

from headrace.errors import DriverMissing, RequestFailed

if TYPE_CHECKING:
    from collections.abc import Mapping


def encode(
    claims: Mapping[str, Any], key: bytes, algorithm: str, *, headers: Mapping[str, Any], passphrase: str | None = None
) -> str:
    """The token. Raises DriverMissing or RequestFailed where the key is not one."""
    head = {"alg": algorithm, "typ": "JWT", **headers}
    text = ".".join(_b64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    if algorithm.startswith("HS"):
        signature = hmac.digest(key, text.encode(), f"sha{algorithm[2:]}")
    else:
        signature = _signed(text.encode(), key, algorithm, passphrase)
    return f"{text}.{_b64(signature)}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed(text: bytes, pem: bytes, algorithm: str, passphrase: str | None) -> bytes:
    try:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise DriverMissing(
            f"tokens by {algorithm} need the package cryptography", hint="pip install 'headrace[jwt]'"
        ) from None
    try:
        # A key in an environment variable has its line ends written as \n.
        key: Any = load_pem_private_key(pem.replace(b"\\n", b"\n"), passphrase.encode() if passphrase else None)
    except (ValueError, TypeError) as error:
        raise RequestFailed(f"the private key for {algorithm} cannot be read: {type(error).__name__}") from None
    if algorithm == "EdDSA":
        return bytes(key.sign(text))
    digest: Any = getattr(hashes, f"SHA{algorithm[2:]}")()
    if algorithm.startswith("ES"):
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(text, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    pad: Any = (
        padding.PSS(padding.MGF1(digest), digest.digest_size) if algorithm.startswith("PS") else padding.PKCS1v15()
    )
    return bytes(key.sign(text, pad, digest))
