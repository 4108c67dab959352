"""The way to a server: certificates, names, proxies. What is wrong with it is said, and nothing is asked for in vain."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from faults_wire import Wire, answer

from headrace.batch import Batch
from headrace.errors import ConfigInvalid, RequestFailed
from headrace.extract import rest
from headrace.project.apis import Client
from headrace.project.rest_sources import RestStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM, Clock
from headrace.warehouse.embedded import Embedded

PAGE = answer({"data": [{"id": 1}]})


@pytest.fixture(scope="module")
def local():
    opened = Embedded.in_memory()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def read(url, local, slept=None):
    """Ids that arrived."""
    spec = RestStream.model_validate({"path": "orders", "paginator": "single_page", "data_selector": "data"})
    client = Client.model_validate({"base_url": url, "timeout": 2, "retry": {"max_attempts": 2}})
    stream = Stream(source="api", name="orders", spec=spec, client=client)
    clock = Clock(SYSTEM.now, SYSTEM.monotonic, (slept if slept is not None else []).append, lambda: 0.5)
    found = rest.read(stream, cursor=None, resume={}, local=local, clock=clock)
    return [row for one in found if isinstance(one, Batch) for row in one.rows["id"].to_pylist()]


def certificate(folder, *, days=30, host="127.0.0.1"):
    """A file with a certificate that its own key signed, and the key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "api")]),
    )
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=60))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    path = folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return path


class Sealed(Wire):
    """A wire that speaks TLS."""

    def __init__(self, path):
        super().__init__()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(path)
        self.url = self.url.replace("http:", "https:")

    def converse(self, connection):
        try:
            sealed = self.context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        super().converse(sealed)


@pytest.mark.parametrize(
    ("kind", "trusted", "said"),
    [
        ({}, False, "self-signed certificate"),
        ({"days": -1}, True, "certificate has expired"),
        ({"host": "127.0.0.2"}, True, "certificate is not valid for '127.0.0.1'"),
    ],
    ids=["self-signed", "expired", "of another host"],
)
def test_what_is_wrong_with_a_certificate_is_said_at_once(tmp_path, monkeypatch, local, kind, trusted, said):
    path = certificate(tmp_path, **kind)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    slept = []

    with Sealed(path) as wire, pytest.raises(RequestFailed, match="the TLS connection failed: ") as refused:
        read(wire.url, local, slept)

    assert said in refused.value.what
    assert "after 1 attempt" in refused.value.what
    assert "SSL_CERT_FILE" in refused.value.what
    assert slept == []


def test_a_certificate_of_an_authority_of_ones_own_is_trusted_where_it_is_named(tmp_path, monkeypatch, local):
    path = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))

    with Sealed(path) as wire:
        wire.answers["else"] = [PAGE]
        assert read(wire.url, local) == [1]


def test_a_server_that_speaks_no_tls_is_said_to(local):
    with Wire() as wire:
        wire.answers["else"] = [PAGE]
        threading.Timer(0.2, wire.ended.set).start()
        with pytest.raises(RequestFailed, match=r"the TLS connection failed|the connection was dropped"):
            read(wire.url.replace("http:", "https:"), local)


def test_a_name_that_nobody_knows_is_said_to_be_one(local):
    with pytest.raises(RequestFailed, match="the host name cannot be resolved"):
        read("http://no-such-host.invalid", local)


def test_a_port_where_nobody_listens_is_said_to_refuse(local):
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]

    with pytest.raises(RequestFailed, match="the connection was refused"):
        read(f"http://127.0.0.1:{port}", local)


def test_requests_go_through_the_proxy_of_the_environment_with_its_password(monkeypatch, local):
    with Wire() as proxy:
        proxy.answers["else"] = [PAGE]
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//me:s%40crt@"))
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:s%40crt@"))

        ids = read("http://api.invalid/v1", local)

    ((target, headers, _),) = proxy.asked
    assert ids == [1]
    assert target == "http://api.invalid/v1/orders"
    assert headers["proxy-authorization"] == "Basic bWU6c0BjcnQ="


def test_hosts_that_no_proxy_names_and_this_machine_are_asked_directly(monkeypatch, local):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", ".invalid")

    with Wire() as wire:
        wire.answers["else"] = [PAGE]
        assert read(wire.url, local) == [1]
    with pytest.raises(RequestFailed, match="the host name cannot be resolved"):
        read("http://api.invalid", local)


def test_a_proxy_that_is_away_is_named_as_what_failed(monkeypatch, local):
    monkeypatch.setenv("http_proxy", "127.0.0.1:9")

    with pytest.raises(RequestFailed, match="the proxy cannot be reached"):
        read("http://api.invalid", local)


def test_a_proxy_that_is_no_web_address_is_an_error_that_says_where_it_stands(monkeypatch, local):
    monkeypatch.setenv("http_proxy", "socks5://me:secret@127.0.0.1:9")

    with pytest.raises(ConfigInvalid, match="the proxy that the environment names") as refused:
        read("http://api.invalid", local)

    assert "NO_PROXY" in refused.value.hint
    assert "secret" not in refused.value.what + refused.value.hint
