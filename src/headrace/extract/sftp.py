"""Files of an SSH server, whose key has to be known before anything is said to it."""

from __future__ import annotations

import io
import re
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from headrace.errors import ConfigInvalid, DriverMissing, NotSupported, SourceRefused, SourceUnavailable
from headrace.extract.places import Broken, Listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.project.file_places import SftpAccess

_BLOCK = 1_000_000
_AHEAD = 64


class Sftp:
    """One server. Each call that reads has a channel of its own, so that several threads may fetch at once."""

    def __init__(self, client: Any, lead: str) -> None:
        self.client = client
        self.lead = lead
        self.flat = False
        self.scratch_name = re.sub(r"\W+", "-", lead).strip("-")

    def list(self, folder: str, *, deep: bool) -> Iterator[Listed]:
        """What is in a folder; below it, folder by folder."""
        with self._channel() as channel:
            folders = [folder]
            while folders:
                here = folders.pop()
                try:
                    entries = channel.listdir_attr(here or "/")
                except FileNotFoundError:
                    continue
                for entry in sorted(entries, key=lambda one: str(one.filename)):
                    found = self._listed(f"{here}/{entry.filename}" if here else entry.filename, entry)
                    if found.folder and deep:
                        folders.append(found.path)
                    yield found

    def look(self, path: str) -> Listed | None:
        """The file of that path as it is now."""
        with self._channel() as channel:
            try:
                return self._listed(path, channel.stat(path))
            except FileNotFoundError:
                return None

    def tag(self, path: str) -> str:
        """An SSH server has no tags."""
        raise NotSupported(
            f"{self.lead}{path}: an SSH server has no tags of files", hint="`changed_by: mtime` or `content`"
        )

    def fetch(self, file: Listed, part: Path) -> None:
        """From where the part ends, with many requests under way at once."""
        import paramiko

        start = part.stat().st_size if part.exists() else 0
        try:
            with (
                self.client.open_sftp() as channel,
                channel.open(file.path, "rb") as source,
                part.open("ab") as sink,
            ):
                if start < (file.size or 0):
                    source.seek(start)
                    source.prefetch(file.size, _AHEAD)
                    while block := source.read(_BLOCK):
                        sink.write(block)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise SourceRefused(f"{file.name} may not be read") from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Broken(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """End the connection."""
        self.client.close()

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        import paramiko

        try:
            with self.client.open_sftp() as channel:
                yield channel
        except PermissionError as error:
            raise SourceRefused(f"{self.lead} refuses a listing: {error}") from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise SourceUnavailable(f"{self.lead} cannot be reached: {str(error) or type(error).__name__}") from error

    def _listed(self, path: str, facts: Any) -> Listed:
        folder = stat.S_ISDIR(facts.st_mode or 0)
        return Listed(path, self.lead + path, f"{facts.st_size}-{facts.st_mtime}", facts.st_size, folder)


def path_of(url: str) -> str:
    """The path or pattern of a URL; `sftp://host/~/a` is in the login's own folder."""
    path = "/" + url.partition("://")[2].partition("/")[2]
    return path.removeprefix("/~/")


def opened(url: str, access: SftpAccess) -> Sftp:
    """A connection to the server of a URL.

    Raises DriverMissing, ConfigInvalid, SourceRefused and SourceUnavailable.
    """
    try:
        import paramiko
    except ImportError as error:
        raise DriverMissing("files of an SSH server need paramiko", hint="pip install 'headrace[sftp]'") from error
    parts = urlsplit(url.replace("?", "%3F").replace("#", "%23"))
    host, port = parts.hostname or "", parts.port or 22
    user = unquote(parts.username) if parts.username else access.username
    if not host or not user:
        raise ConfigInvalid(f"sftp://{host} names no user", hint="set `credentials: {sftp: {username: …}}`")
    client = paramiko.SSHClient()
    try:
        _connect(client, access, (host, port, user))
    except BaseException:
        client.close()
        raise
    where = f"sftp://{host}" + (f":{parts.port}" if parts.port else "")
    return Sftp(client, f"{where}/~/" if parts.path.startswith("/~/") else where)


def _connect(client: Any, access: SftpAccess, to: tuple[str, int, str]) -> None:
    import paramiko

    host, port, user = to
    _trust(client, access, host if port == 22 else f"[{host}]:{port}")
    try:
        client.connect(
            host,
            port=port,
            username=user,
            password=access.password,
            pkey=_key(access),
            passphrase=access.passphrase,
            look_for_keys=access.password is None and access.private_key is None,
            allow_agent=access.password is None and access.private_key is None,
            timeout=access.timeout,
            banner_timeout=access.timeout,
            auth_timeout=access.timeout,
        )
    except paramiko.BadHostKeyException as error:
        raise SourceRefused(f"sftp://{host} has another key than the one that is known of it") from error
    except paramiko.AuthenticationException as error:
        raise SourceRefused(
            f"sftp://{host} refuses the login of {user}", hint="see `credentials: {sftp: …}`"
        ) from error
    except paramiko.SSHException as error:
        if "not found in known_hosts" in str(error):
            hint = f"`ssh-keyscan {host}` prints it: put it under `host_key:` or into {access.known_hosts}"
            raise SourceRefused(f"the key of sftp://{host} is not known", hint=hint) from error
        raise SourceUnavailable(f"sftp://{host} cannot be reached: {error}") from error
    except OSError as error:
        raise SourceUnavailable(f"sftp://{host} cannot be reached: {error}") from error


def _trust(client: Any, access: SftpAccess, called: str) -> None:
    import paramiko

    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    if access.host_key:
        line = paramiko.hostkeys.HostKeyEntry.from_line(f"{called} {access.host_key}")
        if line is None or line.key is None:
            raise ConfigInvalid("`host_key` is no key of a server", hint="it looks like `ssh-ed25519 AAAA…`")
        client.get_host_keys().add(called, line.key.get_name(), line.key)
        return
    known = Path(access.known_hosts).expanduser()
    if known.is_file():
        client.load_host_keys(str(known))


def _key(access: SftpAccess) -> Any:
    """The private key, from its text or its file."""
    if access.private_key is None:
        return None
    import paramiko

    text = access.private_key
    if "PRIVATE KEY" not in text:
        try:
            text = Path(text).expanduser().read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigInvalid(f"the file of `private_key` cannot be read: {error}") from error
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), access.passphrase)
        except paramiko.PasswordRequiredException as error:
            raise ConfigInvalid("`private_key` is locked, and there is no `passphrase`") from error
        except (paramiko.SSHException, ValueError):
            continue
    raise ConfigInvalid("`private_key` is no Ed25519, ECDSA or RSA key, or its `passphrase` is another")
