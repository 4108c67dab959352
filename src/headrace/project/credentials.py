"""What `auth:` of an API's client may say."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, field_validator

from headrace.project.config import Config
from headrace.project.shorthand import Names, Seconds  # noqa: TC001 - pydantic reads the annotations

Algorithm: TypeAlias = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]  # fmt: skip


class BearerAuth(Config):
    """`Authorization: Bearer TOKEN`."""

    type: Literal["bearer"]
    token: str = Field(repr=False)


class ApiKeyAuth(Config):
    """A key in a header, the query or a cookie."""

    type: Literal["api_key"]
    api_key: str = Field(repr=False)
    name: str = "Authorization"
    location: Literal["header", "query", "param", "cookie"] = Field(
        default="header", description="`param` is another word for `query`"
    )


class HttpBasicAuth(Config):
    """User name and password."""

    type: Literal["http_basic"]
    username: str
    password: str = Field(repr=False)


class _TokenUrl(Config):
    access_token_url: str
    access_token_request_data: dict[str, Any] = Field(default={}, repr=False)
    default_token_expiration: Seconds = Field(default=3600.0, description="where the answer does not say")
    access_token_name: str = "access_token"  # noqa: S105 - the name of a field
    expires_in_name: str = "expires_in"
    client_in: Literal["body", "header"] = Field(
        default="body", description="where client id and secret go; `header` is HTTP basic"
    )
    scopes: Names = ()


class OAuth2ClientCredentials(_TokenUrl):
    """A token for a client id and secret. It is asked for anew before it expires, and once where the API refuses it with 401."""

    type: Literal["oauth2_client_credentials"]
    client_id: str
    client_secret: str = Field(repr=False)
    access_token: str | None = Field(default=None, repr=False, description="to begin with")


class OAuth2RefreshToken(_TokenUrl):
    """A token for a refresh token. One that the server replaces is remembered as long as the process lasts."""

    type: Literal["oauth2_refresh_token"]
    refresh_token: str = Field(repr=False)
    client_id: str | None = None
    client_secret: str | None = Field(default=None, repr=False)
    access_token: str | None = Field(default=None, repr=False, description="to begin with")


class JwtAuth(Config):
    """A token that is signed here and sent as it is. `HS…` needs nothing else; RS, PS, ES and EdDSA need `headrace[jwt]`."""

    type: Literal["jwt"]
    secret_key: str = Field(repr=False, description="a text, or a private key in PEM form")
    algorithm: Algorithm = "HS256"
    claims: dict[str, Any] = Field(default={}, description="iat and exp are added")
    headers: dict[str, Any] = {}
    duration: Seconds = 1200.0
    passphrase: str | None = Field(default=None, repr=False)
    base64_encoded: bool = Field(default=False, description="whether the key is written in base64")
    header: str = "Authorization"
    prefix: str = "Bearer "


class OAuth2Jwt(Config):
    """A signed token is exchanged for an access token (RFC 7523), as service accounts do."""

    type: Literal["oauth2_jwt"]
    client_id: str = Field(description="the issuer; also the subject where none is given")
    private_key: str = Field(repr=False)
    auth_endpoint: str
    scopes: Names = ()
    algorithm: Algorithm = "RS256"
    subject: str | None = None
    audience: str | None = Field(default=None, description="the endpoint, unless it says otherwise")
    claims: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    private_key_passphrase: str | None = Field(default=None, repr=False)
    default_token_expiration: Seconds = 3600.0


class Login(Config):
    """The request that begins a session."""

    url: str = Field(description="may be relative to `base_url`")
    method: Literal["GET", "POST"] = "POST"
    json_body: dict[str, Any] | None = Field(default=None, alias="json", repr=False)
    data: dict[str, Any] | None = Field(default=None, repr=False, description="as a form")
    headers: dict[str, str] = Field(default={}, repr=False)


class SessionTokenAuth(Config):
    """A login whose answer holds a token, which goes with each request until it expires or is refused."""

    type: Literal["session_token"]
    login: Login
    session_token_path: str = "token"  # noqa: S105 - a path
    expiration: Seconds = 3600.0
    name: str = "Authorization"
    location: Literal["header", "query", "cookie"] = "header"
    prefix: str = Field(default="", description="before the token, such as `Bearer `")


class AwsSigV4(Config):
    """Each request is signed as AWS asks (Signature Version 4)."""

    type: Literal["aws_sigv4"]
    access_key_id: str
    secret_access_key: str = Field(repr=False)
    session_token: str | None = Field(default=None, repr=False)
    region: str
    service: str


HMAC_PARTS = ("method", "path", "query", "url", "body", "body_sha256", "timestamp")
"""What a message that is hashed may name of a request."""


class HmacAuth(Config):
    """A keyed hash over a message made from the request; `{method}`, `{path}`, `{query}`, `{url}`, `{body}`, `{body_sha256}` and
    `{timestamp}` stand for its parts.
    """  # noqa: D205 - one sentence

    type: Literal["hmac"]
    secret: str = Field(repr=False)
    message: str = "{timestamp}{method}{path}{body}"
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    header: str = "X-Signature"
    prefix: str = ""
    timestamp_header: str | None = "X-Timestamp"
    timestamp_format: Literal["unix", "unix_ms", "iso"] = "unix"
    headers: dict[str, str] = Field(default={}, repr=False, description="sent as well, such as the key's id")

    @field_validator("message")
    @classmethod
    def _known_parts(cls, message: str) -> str:
        unknown = [part for part in re.findall(r"\{(\w+)\}", message) if part not in HMAC_PARTS]
        if unknown:
            raise ValueError(
                f"there is no {{{unknown[0]}}}; there are {', '.join(f'{{{part}}}' for part in HMAC_PARTS)}"
            )
        return message


Auth: TypeAlias = Annotated[
    BearerAuth
    | ApiKeyAuth
    | HttpBasicAuth
    | OAuth2ClientCredentials
    | OAuth2RefreshToken
    | JwtAuth
    | OAuth2Jwt
    | SessionTokenAuth
    | AwsSigV4
    | HmacAuth,
    Field(discriminator="type"),
]
