"""Where files are, and who asks for them: what `credentials:` of a files source may say, one mapping for each kind of place."""

from __future__ import annotations

import re

from pydantic import Field

from headrace.project.apis import Retry
from headrace.project.config import Config
from headrace.project.credentials import Auth  # noqa: TC001 - pydantic reads the annotations

SCHEMES = ("s3", "gs", "az", "abfss", "sftp", "http", "https")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")


def scheme_of(path: str) -> str | None:
    """What stands before `://`; None for a path of this machine."""
    found = _SCHEME.match(path)
    return found["scheme"].lower() if found else None


class S3Access(Config):
    """S3 and what speaks like it. Without keys: the environment, the profile of AWS_PROFILE, or the role of the machine."""

    access_key_id: str | None = Field(default=None, repr=False)
    secret_access_key: str | None = Field(default=None, repr=False)
    session_token: str | None = Field(default=None, repr=False)
    role_arn: str | None = Field(default=None, description="a role to take on, with the credentials of the environment")
    external_id: str | None = Field(default=None, repr=False)
    region: str | None = Field(default=None, description="else AWS_REGION, the profile's, or us-east-1")
    endpoint: str | None = Field(default=None, description="URL of another store, such as MinIO or R2")
    virtual_addressing: bool = Field(
        default=False, description="with `endpoint`: the bucket is part of the host's name"
    )
    anonymous: bool = False


class GcsAccess(Config):
    """Google Cloud Storage. Without a token: application default credentials, as GOOGLE_APPLICATION_CREDENTIALS names them."""

    access_token: str | None = Field(default=None, repr=False)
    access_token_expires: str | None = Field(default=None, description="when, as ISO 8601; needed with `access_token`")
    target_service_account: str | None = None
    project_id: str | None = None
    endpoint: str | None = Field(default=None, description="URL of an emulator")
    anonymous: bool = False


class AzureAccess(Config):
    """Azure Blob Storage and Data Lake. Without a key, token or secret: the environment, the machine's identity, or `az login`."""

    account: str | None = Field(default=None, description="of `az://` paths; an `abfss://` path names it itself")
    account_key: str | None = Field(default=None, repr=False)
    sas_token: str | None = Field(default=None, repr=False)
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = Field(default=None, repr=False)
    endpoint: str | None = Field(default=None, description="URL of an emulator")


class SftpAccess(Config):
    """An SSH server. Its key has to be known: in `known_hosts`, or as `host_key`."""

    username: str | None = Field(default=None, description="unless the path says `sftp://name@host`")
    password: str | None = Field(default=None, repr=False)
    private_key: str | None = Field(default=None, repr=False, description="the text of a key, or a file's path")
    passphrase: str | None = Field(default=None, repr=False)
    host_key: str | None = Field(default=None, description="such as `ssh-ed25519 AAAA…`")
    known_hosts: str = "~/.ssh/known_hosts"
    timeout: float = 30.0


class HttpAccess(Config):
    """A web server: the headers, login and retries of all requests."""

    headers: dict[str, str] = Field(default={}, repr=False)
    auth: Auth | None = None
    retry: Retry = Retry()
    timeout: float = 60.0


class Access(Config):
    """Credentials by kind of place. Local files need none."""

    s3: S3Access = S3Access()
    gs: GcsAccess = GcsAccess()
    az: AzureAccess = AzureAccess()
    sftp: SftpAccess = SftpAccess()
    http: HttpAccess = HttpAccess()
