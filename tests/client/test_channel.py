# mypy: disable-error-code="arg-type"
"""A connection stands when it is given, and where there is none, one sentence says why."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import handmade
import pytest
import trustme

from grpcmock.client.actions import HALF_CLOSE
from grpcmock.client.call import perform
from grpcmock.client.channel import connect, explain
from grpcmock.client.target import Target, Tls
from grpcmock.errors import TargetError
from grpcmock.status import Code


async def ok(_: Any, context: Any) -> None:
    await context.write(b"ok")


async def reach(target: Target) -> None:
    async with connect(target, within=5) as channel:
        outcome = await perform(channel, "/t.T/ok", [HALF_CLOSE], deadline=5)
    assert (outcome.code, outcome.responses) == (Code.OK, (b"ok",))


async def refusal(target: Target) -> str:
    with pytest.raises(TargetError) as caught:
        async with connect(target, within=5):
            pass
    return str(caught.value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def plain_listener(answer: bytes | None) -> Iterator[str]:
    """Something that listens but is no gRPC server: it says *answer* (None: nothing) to whoever comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept = []

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    kept.append(peer)
                    if answer is not None:
                        peer.recv(1000)
                        peer.sendall(answer)
                        peer.close()

        threading.Thread(target=run, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        for peer in kept:
            peer.close()


async def test_nothing_listens() -> None:
    port = free_port()
    assert await refusal(Target.parse(f"127.0.0.1:{port}")) == (
        f"Nothing is listening on 127.0.0.1:{port}: connection refused. Start the server, or name another port."
    )


async def test_no_such_socket(tmp_path: Path) -> None:
    assert "there is no such socket" in await refusal(Target.parse(f"unix:{tmp_path}/nobody.sock"))


async def test_no_such_host() -> None:
    assert "can't be found" in await refusal(Target.parse("no-such-host.invalid:50051"))


async def test_a_listener_that_says_nothing_is_given_up() -> None:
    with plain_listener(None) as address, pytest.raises(TargetError, match="doesn't answer"):
        async with connect(Target.parse(address), within=0.2):
            pass


async def test_an_http1_server_is_recognized() -> None:
    with plain_listener(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n") as address:
        assert "HTTP/1" in await refusal(Target.parse(address))


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    with handmade.serve({"/t.T/ok": ok}, reflect=False) as server:
        await reach(Target.parse(server.address))


async def test_unix_socket(tmp_path: Path) -> None:
    with handmade.serve({"/t.T/ok": ok}, address=f"unix:{tmp_path}/s", reflect=False) as server:
        await reach(Target.parse(server.address))


class Certificates:
    """An authority with a certificate for localhost, one for another name, and one for a client."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        self.server = authority.issue_cert("localhost", "127.0.0.1")
        self.elsewhere = authority.issue_cert("elsewhere.example")
        client = authority.issue_cert("client@example.com")
        self.cert, self.key = folder / "client.pem", folder / "client.key"
        client.cert_chain_pems[0].write_to_path(self.cert)
        client.private_key_pem.write_to_path(self.key)

    def credentials(self, leaf: trustme.LeafCert, *, demand: bool = False) -> grpc.ServerCredentials:
        pair = (leaf.private_key_pem.bytes(), b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        roots = self.ca.read_bytes() if demand else None
        return grpc.ssl_server_credentials([pair], roots, demand)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


async def test_tls(certificates: Certificates) -> None:
    with handmade.serve({"/t.T/ok": ok}, credentials=certificates.credentials(certificates.server)) as server:
        await reach(Target.parse(server.address, tls=Tls(ca=certificates.ca)))
        await reach(Target.parse(f"https://{server.address}", tls=Tls(ca=certificates.ca)))
        await reach(Target.parse(server.address, tls=Tls(insecure=True)))
        assert "--cacert" in await refusal(Target.parse(server.address, tls=Tls()))
        assert "--tls" in await refusal(Target.parse(server.address))


async def test_tls_for_another_name(certificates: Certificates) -> None:
    with handmade.serve({"/t.T/ok": ok}, credentials=certificates.credentials(certificates.elsewhere)) as server:
        await reach(Target.parse(server.address, tls=Tls(ca=certificates.ca), authority="elsewhere.example"))
        await reach(Target.parse(server.address, tls=Tls(insecure=True)))
        assert "--authority" in await refusal(Target.parse(server.address, tls=Tls(ca=certificates.ca)))


async def test_mutual_tls(certificates: Certificates) -> None:
    credentials = certificates.credentials(certificates.server, demand=True)
    own = {"cert": certificates.cert, "key": certificates.key}
    with handmade.serve({"/t.T/ok": ok}, credentials=credentials) as server:
        await reach(Target.parse(server.address, tls=Tls(ca=certificates.ca, **own)))
        await reach(Target.parse(server.address, tls=Tls(insecure=True, **own)))
        said = await refusal(Target.parse(server.address, tls=Tls(ca=certificates.ca)))
        assert "certificate of its clients" in said
        assert "--cert and --key" in said


async def test_a_client_s_certificate_of_another_authority(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = Certificates(tmp_path_factory.mktemp("foreign"))
    credentials = certificates.credentials(certificates.server, demand=True)
    with handmade.serve({"/t.T/ok": ok}, credentials=credentials) as server:
        tls = Tls(ca=certificates.ca, cert=foreign.cert, key=foreign.key)
        said = await refusal(Target.parse(server.address, tls=tls))
    # Which of the two it is depends on when the connection is closed.
    assert str(foreign.cert) in said
    assert "authority" in said
    assert "Does it want a" not in said


async def test_tls_to_a_plaintext_server(certificates: Certificates) -> None:
    with handmade.serve({"/t.T/ok": ok}, reflect=False) as server:
        for tls in (Tls(ca=certificates.ca), Tls(insecure=True)):
            assert "TLS" in await refusal(Target.parse(server.address, tls=tls))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("connect: Connection refused (111)", "Nothing is listening"),
        ("connect: Network is unreachable (101)", "There is no way to h:1"),
        ("Socket closed", "--tls"),
        ("something new.", "There is no connection to h:1: something new."),
    ],
)
def test_reasons_become_advice(reason: str, said: str) -> None:
    assert said in explain(reason, Target.parse("h:1"))
