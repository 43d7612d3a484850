"""Addresses and headers are understood as people write them, and refused with the way to write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.client.target import Target, Tls, is_address, parse_headers
from grpcmock.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "address", "secure"),
    [
        ("127.0.0.1:50051", "127.0.0.1:50051", False),
        (" localhost:50051 ", "localhost:50051", False),
        (":50051", "localhost:50051", False),
        ("[::1]:50051", "[::1]:50051", False),
        ("api.example.com:443", "api.example.com:443", False),
        ("unix:run/app.sock", "unix:run/app.sock", False),
        ("unix:/run/app.sock", "unix:/run/app.sock", False),
        ("unix:///run/app.sock", "unix:/run/app.sock", False),
        ("unix-abstract:app", "unix-abstract:app", False),
        ("dns:///example.com:50051", "dns:///example.com:50051", False),
        ("http://127.0.0.1:50051", "127.0.0.1:50051", False),
        ("http://127.0.0.1:50051/", "127.0.0.1:50051", False),
        ("grpc://localhost:1", "localhost:1", False),
        ("https://example.com:8443", "example.com:8443", True),
        ("https://example.com", "example.com:443", True),
        ("HTTPS://[::1]", "[::1]:443", True),
    ],
)
def test_addresses(text: str, address: str, secure: bool) -> None:
    target = Target.parse(text)
    assert (target.address, target.tls is not None) == (address, secure)
    assert is_address(text.strip())
    assert bool(target.hint) == ("//" in text and not text.startswith(("unix", "dns")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Write HOST:PORT"),
        ("50051", "Write 127.0.0.1:50051"),
        ("localhost", "Write localhost:50051"),
        ("localhost:0", "ports run from 1 to 65535"),
        ("localhost:65536", "ports run from 1 to 65535"),
        ("localhost:http", "Write HOST:PORT"),
        ("::1:50051", "[IPV6]:PORT"),
        ("unix:", "unix:/path/to/socket"),
        ("unix-abstract:", "unix-abstract:name"),
        ("ftp://localhost:21", "ftp:// is not known"),
        ("http://localhost:50051/user.UserService", "Write http://localhost:50051."),
    ],
)
def test_what_is_not_an_address_is_refused_with_the_way_to_write_it(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Target.parse(text)
    assert said in str(caught.value)
    assert not is_address(text)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        assert Target.parse(text).address
    except ConfigError as error:
        assert str(error)


def test_a_url_that_says_plaintext_and_tls_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="leave out --tls"):
        Target.parse("http://localhost:50051", tls=Tls())


def test_options_keep_proxies_out_and_set_the_bounds() -> None:
    options = dict(Target.parse("localhost:1", max_message_bytes=7).options)
    assert options["grpc.enable_http_proxy"] == 0
    assert options["grpc.use_local_subchannel_pool"] == 1
    assert options["grpc.max_receive_message_length"] == options["grpc.max_send_message_length"] == 7
    assert dict(Target.parse("localhost:1").options)["grpc.max_receive_message_length"] == -1
    named = dict(Target.parse("localhost:1", tls=Tls(), authority="a.example").options)
    assert named["grpc.default_authority"] == named["grpc.ssl_target_name_override"] == "a.example"


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("x-id: 1", ("x-id", "1")),
        ("X-Id:1", ("x-id", "1")),
        ("authorization: Bearer ${TOKEN}", ("authorization", "Bearer s3cret")),
        ("x-a: ${TOKEN}${EMPTY}$TOKEN", ("x-a", "s3cret$TOKEN")),
        ("x-a: $${TOKEN}", ("x-a", "${TOKEN}")),
        ("x-url: http://a:b", ("x-url", "http://a:b")),
        ("x-a:", ("x-a", "")),
        ("x-a-bin: AAE=", ("x-a-bin", b"\x00\x01")),
        ("x-a-bin: AAE", ("x-a-bin", b"\x00\x01")),
        ("x-a-bin: _-8", ("x-a-bin", b"\xff\xef")),
    ],
)
def test_headers(line: str, pair: tuple[str, str | bytes]) -> None:
    assert parse_headers([line], {"TOKEN": "s3cret", "EMPTY": ""}) == (pair,)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x-id", "'key: value'"),
        ("x id: 1", "letters, digits"),
        (": 1", "--authority"),
        (":path: /x", "--authority"),
        ("grpc-timeout: 1S", "belong to gRPC"),
        ("x-a: ${NOBODY}", "no environment variable 'NOBODY'"),
        ("x-a: é", "'x-a-bin', in base64"),
        ("x-a: a\x00b", "printable ASCII"),
        ("x-a-bin: !!", "base64"),
        ("x-a-bin: é", "base64"),
    ],
)
def test_wrong_headers_are_named(line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_headers([line], {})
    assert said in str(caught.value)


def test_secrets_are_not_shown_when_a_header_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_headers(["authorization: ${TOKEN}é"], {"TOKEN": "s3cret"})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        (Tls(ca=Path("nowhere.pem")), "nowhere.pem can't be read: No such file"),
        (Tls(ca=Path(__file__)), "-----BEGIN CERTIFICATE-----"),
        (Tls(cert=Path("a.pem")), "--cert and --key"),
        (Tls(key=Path("a.pem")), "--cert and --key"),
    ],
)
def test_wrong_certificates_are_named(tls: Tls, said: str, tmp_path: Path) -> None:
    if tls.ca is not None and tls.ca.exists():
        empty = tmp_path / "empty.pem"
        empty.touch()
        tls = Tls(ca=empty)
    with pytest.raises(ConfigError) as caught:
        tls.credentials()
    assert said in str(caught.value)
