import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from sources_reading import ids, read, stream_of

from headrace.errors import RequestFailed
from headrace.extract import rest
from headrace.extract.jwt import encode
from headrace.extract.signing import Wire, sigv4
from headrace.project.credentials import AwsSigV4

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
CLIENT = {"client_id": "me", "client_secret": "s3cr3t!"}


@pytest.fixture
def login(api):
    """A token endpoint: token 1, token 2 …; records only for the newest one that is not in `refused`."""
    api.tokens, api.refused, api.lifetime = [], set(), 3600

    def token(api, asked):
        if asked.body.get("client_secret", "s3cr3t!") != "s3cr3t!":
            return {"error": "no"}, {}, 401
        api.tokens.append(asked)
        name = f"token-{len(api.tokens)}"
        return {"access_token": name, "expires_in": api.lifetime, "refresh_token": f"refresh-{len(api.tokens)}"}, {}

    def guarded(api, asked):
        held = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if held in api.refused or not held.startswith("token"):
            return {"error": "unauthorized"}, {}, 401
        page = int(asked.params.get("page", 1))
        return {"data": api.records[(page - 1) * 5 : page * 5], "total": 5}, {}

    api.routes = {"/token": token, "/guarded": guarded}
    return api


def guarded(api, of_client, **spec):
    paginator = {"type": "page_number", "base_page": 1}
    return stream_of(api, "guarded", client={"auth": of_client}, paginator=paginator, **spec)


def client_credentials(api, **more):
    return {"type": "oauth2_client_credentials", "access_token_url": f"{api.url}/token", **CLIENT, **more}


def test_a_token_is_asked_for_once_and_sent_with_each_page(login, local):
    auth = client_credentials(login, scopes=["read", "write"], access_token_request_data={"audience": "x"})

    arrived = list(read(login, guarded(login, auth), local))

    assert ids(arrived) == list(range(1, 26))
    (asked,) = login.tokens
    assert asked.body == {"grant_type": "client_credentials", "scope": "read write", "audience": "x", "client_id": "me", "client_secret": "s3cr3t!"}  # fmt: skip


def test_client_id_and_secret_can_go_in_a_header(login, local):
    auth = client_credentials(login, client_in="header")

    list(read(login, guarded(login, auth), local))

    (asked,) = login.tokens
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"me:s3cr3t!").decode()
    assert "client_secret" not in asked.body


def test_a_token_is_replaced_before_it_expires(login, local):
    login.lifetime = 100
    limit = {"rate_limit": {"calls": 1, "period": 50}}
    auth = client_credentials(login)
    made = stream_of(
        login, "guarded", client={"auth": auth, **limit}, paginator={"type": "page_number", "base_page": 1}
    )

    list(read(login, made, local))

    pages = [asked for asked in login.journal if asked.path == "/guarded"]
    used = [(asked.at, asked.headers["authorization"][-1]) for asked in pages]
    assert used == [(0.0, "1"), (50.0, "1"), (100.0, "2"), (150.0, "2"), (200.0, "3"), (250.0, "3")]


def test_a_token_that_is_refused_is_replaced_once(login, local):
    login.refused = {"token-1"}

    arrived = list(read(login, guarded(login, client_credentials(login)), local))

    assert ids(arrived) == list(range(1, 26))
    assert len(login.tokens) == 2


def test_a_server_that_refuses_every_token_stops_the_reading(login, local):
    login.refused = {f"token-{n}" for n in range(9)}

    with pytest.raises(RequestFailed, match="after 1 attempt: status 401"):
        list(read(login, guarded(login, client_credentials(login)), local))

    assert len(login.tokens) == 2


def test_a_login_that_fails_says_so_without_the_secret(login, local):
    auth = client_credentials(login) | {"client_secret": "wrong-secret"}

    with pytest.raises(RequestFailed, match=r"the login POST http.*/token failed: status 401") as raised:
        list(read(login, guarded(login, auth), local))

    assert "wrong-secret" not in str(raised.value)


def test_a_refresh_token_that_the_server_replaces_is_used_next(login, local):
    login.refused = {"token-1"}
    auth = {
        "type": "oauth2_refresh_token",
        "access_token_url": f"{login.url}/token",
        "refresh_token": "refresh-0",
        **CLIENT,
    }

    list(read(login, guarded(login, auth), local))

    assert [asked.body["refresh_token"] for asked in login.tokens] == ["refresh-0", "refresh-1"]


def test_a_token_to_begin_with_is_replaced_when_it_is_refused(login, local):
    login.refused = {"token-0"}
    auth = client_credentials(login, access_token="token-0")

    assert ids(read(login, guarded(login, auth), local)) == list(range(1, 26))
    assert len(login.tokens) == 1


def test_streams_of_one_client_share_its_token(login, local):
    made = [guarded(login, client_credentials(login), name=name) for name in ("a", "b")]
    clock = login.clock.clock()

    for one in made:
        list(rest.read(one, cursor=None, resume={}, local=local, clock=clock))

    assert len(login.tokens) == 1


def test_an_endpoint_can_have_a_login_of_its_own(login, local):
    own = guarded(login, {"type": "bearer", "token": "of-the-client"}, auth=client_credentials(login))

    assert ids(read(login, own, local)) == list(range(1, 26))
    assert {asked.headers["authorization"] for asked in login.journal if asked.path == "/guarded"} == {"Bearer token-1"}


def test_endpoints_with_the_same_login_of_their_own_share_its_token(login, local):
    own, clock = client_credentials(login), login.clock.clock()

    for name in ("a", "b"):
        stream = guarded(login, {"type": "bearer", "token": "x"}, auth=own, name=name)
        list(rest.read(stream, cursor=None, resume={}, local=local, clock=clock))

    assert len(login.tokens) == 1


def test_a_response_action_can_ask_for_a_new_token(login, local):
    login.faults["3"] = [(419,)]
    actions = [{"status_code": 419, "action": "refresh_token"}]

    arrived = list(read(login, guarded(login, client_credentials(login), response_actions=actions), local))

    assert ids(arrived) == list(range(1, 26))
    assert len(login.tokens) == 2


def test_a_session_begins_with_a_login_and_is_renewed_when_it_is_refused(login, local):
    login.refused = {"token-1"}
    login.routes["/login"] = lambda api, asked: (
        api.tokens.append(asked) or {"session": {"id": f"token-{len(api.tokens)}"}},
        {},
    )
    auth = {
        "type": "session_token",
        "login": {"url": "/login", "json": {"user": "u", "password": "s3cr3t!"}},
        "session_token_path": "session.id",
        "prefix": "Bearer ",
    }

    assert ids(read(login, guarded(login, auth), local)) == list(range(1, 26))
    assert [asked.body for asked in login.tokens] == [{"user": "u", "password": "s3cr3t!"}] * 2


def test_a_signed_token_is_exchanged_for_another(login, local):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    auth = {
        "type": "oauth2_jwt",
        "client_id": "me",
        "private_key": pem,
        "auth_endpoint": f"{login.url}/token",
        "scopes": "a",
    }

    assert ids(read(login, guarded(login, auth), local)) == list(range(1, 26))
    (asked,) = login.tokens
    claims = part(asked.body["assertion"], 1)
    assert asked.body["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert (claims["iss"], claims["aud"], claims["scope"]) == ("me", f"{login.url}/token", "a")


def part(token, number):
    text = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_token_signed_with_a_secret_is_the_one_that_everybody_makes():
    claims = {"sub": "1234567890", "name": "John Doe", "iat": 1516239022}

    token = encode(claims, b"your-256-bit-secret", "HS256", headers={})

    assert token.endswith(".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c")


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256", "ES512", "EdDSA"])
def test_a_token_signed_with_a_private_key_is_verified_with_the_public_one(algorithm):
    key = {
        "R": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "P": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "E": lambda: ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP521R1()),
    }.get(algorithm[0] if algorithm != "EdDSA" else "", ed25519.Ed25519PrivateKey.generate)()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"word")
    )

    token = encode({"a": 1}, pem, algorithm, headers={"kid": "1"}, passphrase="word")

    assert part(token, 0) == {"alg": algorithm, "typ": "JWT", "kid": "1"}
    text, _, last = token.rpartition(".")
    verify(key.public_key(), algorithm, text.encode(), base64.urlsafe_b64decode(last + "=" * (-len(last) % 4)))


def verify(key, algorithm, text, signature):
    if algorithm == "EdDSA":
        key.verify(signature, text)
        return
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[2:]]
    if algorithm.startswith("ES"):
        half = len(signature) // 2
        pair = [int.from_bytes(one, "big") for one in (signature[:half], signature[half:])]
        key.verify(utils.encode_dss_signature(*pair), text, ec.ECDSA(digest))
    elif algorithm.startswith("PS"):
        key.verify(signature, text, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    else:
        key.verify(signature, text, padding.PKCS1v15(), digest)


def test_a_key_that_is_none_is_refused_without_showing_it():
    with pytest.raises(RequestFailed, match="the private key for RS256 cannot be read") as raised:
        encode({}, b"my-secret-key", "RS256", headers={})

    assert "my-secret-key" not in str(raised.value)


SUITE = AwsSigV4(
    type="aws_sigv4",
    access_key_id="AKIDEXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    region="us-east-1",
    service="service",
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("wire", "service", "signature"),
    [
        (
            Wire("GET", "https://example.amazonaws.com/", {}),
            "service",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            Wire("GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", {}),
            "service",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            Wire("POST", "https://example.amazonaws.com/", {}),
            "service",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            Wire("POST", "https://example.amazonaws.com/", FORM, b"Param1=value1"),
            "service",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            Wire(
                "GET",
                "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            ),
            "iam",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ],
)
def test_a_request_is_signed_as_in_the_published_examples_of_aws(wire, service, signature):
    signed = sigv4(wire, SUITE.model_copy(update={"service": service}), NOW)

    assert signed["Authorization"].endswith(f"Signature={signature}")
    assert signed["X-Amz-Date"] == "20150830T123600Z"


def test_requests_signed_for_aws_carry_the_session_and_no_secret(api, local):
    auth = {**SUITE.model_dump(), "session_token": "s3ss10n", "service": "s3"}

    list(read(api, stream_of(api, client={"auth": auth}), local))

    (asked,) = api.journal
    assert asked.headers["x-amz-security-token"] == "s3ss10n"
    assert asked.headers["x-amz-content-sha256"] == EMPTY
    names = asked.headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    assert names == "host;x-amz-content-sha256;x-amz-date;x-amz-security-token"


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_keyed_hash_is_over_the_message_that_is_described(api, local, encoding):
    auth = {
        "type": "hmac",
        "secret": "s3cr3t!",
        "message": "{timestamp}.{method}.{path}?{query}.{body}",
        "encoding": encoding,
        "headers": {"X-Id": "me"},
    }

    list(read(api, stream_of(api, client={"auth": auth}, params={"a": 1}), local))

    (asked,) = api.journal
    stamp = str(int(api.clock.now().timestamp()))
    expected = hmac.digest(b"s3cr3t!", f"{stamp}.GET./single_page?a=1.".encode(), "sha256")
    text = expected.hex() if encoding == "hex" else base64.b64encode(expected).decode()
    assert (asked.headers["x-signature"], asked.headers["x-timestamp"], asked.headers["x-id"]) == (text, stamp, "me")


def test_an_api_key_in_the_query_can_be_called_a_param(api, local):
    auth = {"type": "api_key", "name": "k", "api_key": "s3cr3t!", "location": "param"}

    list(read(api, stream_of(api, client={"auth": auth}), local))

    assert api.journal[0].params == {"k": "s3cr3t!"}


@pytest.mark.parametrize("told", ["never", "", 0, -5, True, None, [1], "2020-01-01T00:00:00Z"])
def test_a_lifetime_that_says_nothing_is_the_usual_one(login, local, told):
    login.lifetime = told

    assert ids(read(login, guarded(login, client_credentials(login)), local)) == list(range(1, 26))
    assert len(login.tokens) == 1


@pytest.mark.parametrize("told", ["2026-01-01T00:01:40Z", "100", 100.0])
def test_a_lifetime_may_be_a_time(login, local, told):
    login.lifetime = told
    made, clock = guarded(login, client_credentials(login)), login.clock.clock()

    list(rest.read(made, cursor=None, resume={}, local=local, clock=clock))
    clock.sleep(91)
    list(rest.read(made, cursor=None, resume={}, local=local, clock=clock))

    assert len(login.tokens) == 2


def test_a_session_may_be_a_number(login, local):
    login.routes["/login"] = lambda api, asked: ({"token": 4711}, {})
    auth = {"type": "session_token", "login": {"url": "login"}, "location": "query", "name": "session"}

    list(read(login, stream_of(login, client={"auth": auth}), local))

    assert login.journal[-1].params["session"] == "4711"


def test_a_secret_key_that_is_no_base64_is_an_error_that_says_so(api, local):
    auth = {"type": "jwt", "secret_key": "not base64!", "base64_encoded": True}

    with pytest.raises(RequestFailed, match="the `secret_key` of auth is not written in base64"):
        list(read(api, stream_of(api, client={"auth": auth}), local))


@pytest.mark.parametrize(("token", "sign"), [("abc\n", "a line break"), ("a\r\nX-Evil: 1", "a line break"), ("a€", "'€'"), ("a\0", "'\\x00'")])  # fmt: skip
def test_a_token_that_no_header_can_hold_is_an_error_that_says_what_is_in_it(api, local, token, sign):
    with pytest.raises(RequestFailed) as raised:
        list(read(api, stream_of(api, client={"auth": {"type": "bearer", "token": token}}), local))

    assert f"the header 'Authorization' cannot be sent: there is {sign} in it" in raised.value.what
    assert "failed after 1 attempt" in raised.value.what
    assert api.journal == []
