"""S3, Google Cloud Storage and Azure, by the file systems that Arrow brings: no library beside the core's."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from headrace.errors import ConfigInvalid, SourceRefused, SourceUnavailable
from headrace.extract.places import Broken, Listed
from headrace.project.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace.project.file_places import Access, AzureAccess, GcsAccess, S3Access

_BLOCK = 8_000_000
_REFUSED = re.compile(
    r"ACCESS_DENIED|AccessDenied|Forbidden|InvalidAccessKey|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH|SignatureDoesNotMatch"
    r"|AuthenticationFailed|AuthorizationFailure|NO_SUCH_BUCKET|NoSuchBucket|ContainerNotFound|PermissionDenied|Permission denied"
    r"|PERMISSION_DENIED|UNAUTHENTICATED|HTTP status 40[0134]|credential",
    re.IGNORECASE,
)


class ObjectStore:
    """One store, whose paths are `bucket/key`; `lead` and the path without its first `cut` characters make a file's name."""

    def __init__(self, files: Any, lead: str, cut: int = 0) -> None:
        self.files = files
        self.lead = lead
        self.cut = cut
        self.flat = lead == "gs://"  # its listing by the library leaves out prefixes that are no objects themselves
        self.scratch_name = re.sub(r"\W+", "-", lead).strip("-")

    def list(self, folder: str, *, deep: bool) -> Iterator[Listed]:
        """What is in a folder; a store with a million files is listed in pages by the library, whose result is one list."""
        from pyarrow import fs

        with _said(folder):
            found = self.files.get_file_info(fs.FileSelector(folder, recursive=deep, allow_not_found=True))
        yield from (self._listed(one) for one in found)

    def look(self, path: str) -> Listed | None:
        """The file of that path as it is now."""
        from pyarrow import fs

        with _said(path):
            (found,) = self.files.get_file_info([path])
        return None if found.type == fs.FileType.NotFound else self._listed(found)

    def tag(self, path: str) -> str:
        """The store's ETag, or what it has in its place; asked for file by file, since listings of the library do not have it."""
        with _said(path), self.files.open_input_stream(path) as stream:
            known = {_text(key).lower(): _text(value) for key, value in (stream.metadata() or {}).items()}
        return next((known[name].strip('"') for name in ("etag", "generation") if known.get(name)), "")

    def fetch(self, file: Listed, part: Path) -> None:
        """Blocks of some megabytes, from where the part ends."""
        start = part.stat().st_size if part.exists() else 0
        try:
            with self._opened(file.path, sought=start > 0) as source, part.open("ab") as sink:
                if start:
                    source.seek(start)
                while block := source.read(_BLOCK):
                    sink.write(block)
        except FileNotFoundError:
            raise
        except OSError as error:
            if _REFUSED.search(str(error)):
                raise SourceRefused(f"{file.name} may not be read: {_short(error)}") from error
            raise Broken(_short(error)) from error

    def _opened(self, path: str, *, sought: bool) -> Any:
        """The bytes as they lie there."""
        if sought:
            return self.files.open_input_file(path)
        # The library asks Google for a file that can be sought in with Python's lock held, so that nothing else goes on.
        return self.files.open_input_stream(path, compression=None)

    def close(self) -> None:
        """Nothing is open between two calls."""

    def _listed(self, info: Any) -> Listed:
        from pyarrow import fs

        folder = info.type == fs.FileType.Directory
        version = "" if folder else f"{info.size}-{info.mtime_ns}"
        path = info.path.rstrip("/")
        return Listed(path, self.lead + path[self.cut :], version, None if folder else info.size, folder)


def opened(url: str, access: Access) -> ObjectStore:
    """The store of a URL. Raises ConfigInvalid."""
    scheme, _, rest = url.partition("://")
    bucket = rest.partition("/")[0]
    if not bucket:
        raise ConfigInvalid(f"{url} does not name a bucket")
    if scheme == "s3":
        return ObjectStore(_s3(access.s3), "s3://")
    if scheme == "gs":
        return ObjectStore(_gcs(access.gs), "gs://")
    container, at, host = bucket.rpartition("@")
    account = host.partition(".")[0] if at else access.az.account
    if not account:
        raise ConfigInvalid(f"{url} does not say whose it is", hint="set `credentials: {az: {account: …}}`")
    lead = f"{scheme}://{bucket}/" if at else f"{scheme}://"
    return ObjectStore(_azure(access.az, account), lead, len(container) + 1 if at else 0)


def path_of(url: str) -> str:
    """The path or pattern of a URL: its bucket, and what is in it."""
    bucket, slash, path = url.partition("://")[2].partition("/")
    return bucket.partition("@")[0] + slash + path


def _s3(access: S3Access) -> Any:
    from pyarrow import fs

    endpoint = urlsplit(access.endpoint or "")
    try:
        return fs.S3FileSystem(
            access_key=access.access_key_id,
            secret_key=access.secret_access_key,
            session_token=access.session_token,
            anonymous=access.anonymous,
            role_arn=access.role_arn,
            external_id=access.external_id,
            region=access.region or ("us-east-1" if endpoint.netloc else None),
            scheme=endpoint.scheme or None,
            endpoint_override=endpoint.netloc or None,
            force_virtual_addressing=access.virtual_addressing,
            connect_timeout=20,
            request_timeout=60,
        )
    except ValueError as error:
        raise ConfigInvalid(f"the credentials of s3 do not go together: {error}") from error


def _gcs(access: GcsAccess) -> Any:
    from pyarrow import fs

    endpoint = urlsplit(access.endpoint or "")
    expires = datetime.fromisoformat(access.access_token_expires) if access.access_token_expires else None
    try:
        return fs.GcsFileSystem(
            anonymous=access.anonymous,
            access_token=access.access_token,
            target_service_account=access.target_service_account,
            credential_token_expiration=expires.astimezone(UTC) if expires else None,
            scheme=endpoint.scheme or None,
            endpoint_override=endpoint.netloc or None,
            project_id=access.project_id,
        )
    except ValueError as error:
        raise ConfigInvalid(f"the credentials of gs do not go together: {error}") from error


def _azure(access: AzureAccess, account: str) -> Any:
    from pyarrow import fs

    endpoint = urlsplit(access.endpoint or "")
    try:
        return fs.AzureFileSystem(
            account_name=account,
            account_key=access.account_key,
            sas_token=access.sas_token,
            tenant_id=access.tenant_id,
            client_id=access.client_id,
            client_secret=access.client_secret,
            blob_storage_authority=endpoint.netloc or None,
            blob_storage_scheme=endpoint.scheme or None,
            dfs_storage_authority=endpoint.netloc or None,
            dfs_storage_scheme=endpoint.scheme or None,
        )
    except ValueError as error:
        raise ConfigInvalid(f"the credentials of az do not go together: {error}") from error


@contextmanager
def _said(path: str) -> Iterator[None]:
    """The library's errors as ours."""
    try:
        yield
    except OSError as error:
        if _REFUSED.search(str(error)):
            hint = "see `credentials:` of the source"
            raise SourceRefused(f"{path} may not be listed or read: {_short(error)}", hint=hint) from error
        raise SourceUnavailable(f"{path} cannot be reached: {_short(error)}") from error


def _short(error: Exception) -> str:
    return redact(" ".join(str(error).split()))[:300]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
