# mypy: disable-error-code="arg-type"
from __future__ import annotations

import ssl
from pathlib import Path

import grpc
import grpc.aio
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from grpcmock.errors import ConfigError
from grpcmock.servers.addresses import Address, bind
from grpcmock.servers.credentials import TlsFiles, server_credentials
from grpcmock.servers.health import Health


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``cert.pem``, ``key.pem``, ``other.pem`` (another's key), ``ca.pem``, and broken ones."""
    folder = tmp_path_factory.mktemp("tls")
    server = authority.issue_cert("localhost")
    server.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    server.private_key_pem.write_to_path(folder / "key.pem")
    authority.issue_cert("localhost").private_key_pem.write_to_path(folder / "other.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "text.pem").write_text("hello")
    (folder / "broken-cert.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (folder / "broken-key.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    key = load_pem_private_key(server.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (folder / "encrypted.pem").write_bytes(encrypted)
    return folder


def test_no_files_mean_plain_text() -> None:
    assert TlsFiles.given(None, None) is None


@pytest.mark.parametrize(
    ("cert", "key", "client_ca", "said"),
    [
        ("cert.pem", None, None, ["--tls-cert needs --tls-key"]),
        (None, "key.pem", None, ["--tls-key needs --tls-cert"]),
        (None, None, "ca.pem", ["--tls-client-ca needs --tls-cert and --tls-key"]),
        ("none.pem", "key.pem", None, ["--tls-cert: there is no file", "none.pem"]),
        ("cert.pem", "none.pem", None, ["--tls-key: there is no file", "none.pem"]),
        ("cert.pem", "key.pem", "none.pem", ["--tls-client-ca: there is no file", "none.pem"]),
        (".", "key.pem", None, ["--tls-cert", "is a directory"]),
        ("text.pem", "key.pem", None, ["--tls-cert", "text.pem", "there is none in it"]),
        ("key.pem", "cert.pem", None, ["--tls-cert", "key.pem", "it holds a private key"]),
        ("cert.pem", "cert.pem", None, ["--tls-key", "cert.pem", "it holds a certificate"]),
        ("broken-cert.pem", "key.pem", None, ["--tls-cert", "broken-cert.pem", "can't be read"]),
        ("cert.pem", "broken-key.pem", None, ["--tls-key", "broken-key.pem", "can't be read"]),
        ("cert.pem", "encrypted.pem", None, ["--tls-key", "encrypted.pem", "openssl pkey"]),
        ("cert.pem", "other.pem", None, ["--tls-key", "other.pem", "doesn't belong to", "cert.pem (--tls-cert)"]),
        ("cert.pem", "key.pem", "text.pem", ["--tls-client-ca", "text.pem", "there is none in it"]),
        ("cert.pem", "key.pem", "broken-cert.pem", ["--tls-client-ca", "broken-cert.pem", "can't be read"]),
    ],
)
def test_a_mistake_names_its_file_and_option(
    files: Path, cert: str | None, key: str | None, client_ca: str | None, said: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        tls = TlsFiles.given(*(files / name if name else None for name in (cert, key, client_ca)))
        assert tls is not None
        server_credentials(tls)
    for part in said:
        assert part in str(caught.value)


async def _check(target: str, credentials: grpc.ChannelCredentials) -> bytes:
    options = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.secure_channel(target, credentials, options=options) as channel:
        return await channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10)


@pytest.fixture
async def health_server() -> grpc.aio.Server:
    handlers = {path.rpartition("/")[2]: handler for path, handler in Health().handlers().items()}
    return grpc.aio.server(handlers=[grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers)])


async def test_tls_serves_those_who_trust_the_authority(files: Path, health_server: grpc.aio.Server) -> None:
    credentials = server_credentials(TlsFiles(files / "cert.pem", files / "key.pem"))
    target = str(bind(health_server, Address("tcp", "localhost"), credentials))
    await health_server.start()
    trusting = grpc.ssl_channel_credentials((files / "ca.pem").read_bytes())
    assert await _check(target, trusting) == b"\x08\x01"
    await health_server.stop(None)


async def test_mtls_serves_only_those_with_a_certificate(
    files: Path, authority: trustme.CA, health_server: grpc.aio.Server
) -> None:
    credentials = server_credentials(TlsFiles(files / "cert.pem", files / "key.pem", files / "ca.pem"))
    target = str(bind(health_server, Address("tcp", "localhost"), credentials))
    await health_server.start()
    client = authority.issue_cert("client@example.com")
    root = (files / "ca.pem").read_bytes()
    known = grpc.ssl_channel_credentials(root, client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes())
    assert await _check(target, known) == b"\x08\x01"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _check(target, grpc.ssl_channel_credentials(root))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await health_server.stop(None)


def test_checking_the_files_never_asks_for_a_password(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    load = ssl.SSLContext.load_cert_chain

    def spy(self: ssl.SSLContext, cert: object, key: object, password: object = None) -> None:
        asked.append(password)
        load(self, cert, key, password)  # type: ignore[arg-type]

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spy)
    server_credentials(TlsFiles(files / "cert.pem", files / "key.pem"))
    assert asked == [""]
