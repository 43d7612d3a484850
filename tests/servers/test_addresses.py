from __future__ import annotations

import socket
import sys
from pathlib import Path

import grpc
import grpc.aio
import pytest

from grpcmock.errors import ConfigError
from grpcmock.servers.addresses import Address, bind, check_free, server_options

unix_only = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no unix sockets")
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="abstract sockets exist on Linux only")


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port"),
    [
        ("127.0.0.1:50051", "tcp", "127.0.0.1", 50051),
        ("localhost:0", "tcp", "localhost", 0),
        ("mock.internal:65535", "tcp", "mock.internal", 65535),
        ("[::1]:0", "tcp", "::1", 0),
        ("[::]:443", "tcp", "::", 443),
        pytest.param("unix:/tmp/a.sock", "unix", "/tmp/a.sock", 0, marks=unix_only),
        pytest.param("unix:a.sock", "unix", "a.sock", 0, marks=unix_only),
        pytest.param("unix-abstract:mock", "unix-abstract", "mock", 0, marks=linux_only),
    ],
)
def test_an_address_is_read_and_written_the_same(text: str, scheme: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert (address.scheme, address.host, address.port) == (scheme, host, port)
    assert str(address) == text


@unix_only
def test_the_uri_form_of_a_unix_socket_names_the_same_socket() -> None:
    assert Address.parse("unix:///tmp/a.sock") == Address.parse("unix:/tmp/a.sock")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("50051", "Did you mean '127.0.0.1:50051'?"),
        (":50051", "Did you mean '127.0.0.1:50051'?"),
        ("localhost", "Did you mean 'localhost:50051'?"),
        ("[::1]", "Did you mean '[::1]:50051'?"),
        ("::1", "Did you mean '[::1]:50051'?"),
        ("http://localhost:80", "Did you mean 'localhost:80'?"),
        ("localhost:grpc", "'grpc' is not a port"),
        ("localhost:65536", "'65536' is not a port"),
        ("localhost:-1", "'-1' is not a port"),
        ("localhost:٣", "is not a port"),
        ("localhost:", "the port is missing. Did you mean 'localhost:50051'?"),
        (":99999", "'99999' is not a port"),
        ("[localhost]:1", "'localhost' is not an IPv6 address"),
        ("a b:1", "'a b' is not a host"),
        ("/run/a.sock", "Did you mean 'unix:/run/a.sock'?"),
        ("run/a.sock", "Did you mean 'unix:run/a.sock'?"),
        ("", "the host is missing"),
        ("unix:", "names a socket, such as unix:/tmp/grpcmock.sock"),
        ("unix:a\0b", "names a socket"),
        pytest.param("unix:/" + "x" * 200, "107 bytes, not 201", marks=unix_only),
    ],
)
def test_a_wrong_address_says_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Address.parse(text)
    assert said in str(caught.value)
    assert "--listen" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("127.0.0.1:1", True),
        ("127.8.8.8:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.168.0.1:1", False),
        ("localhost.example.com:1", False),
        pytest.param("unix:/tmp/a", True, marks=unix_only),
    ],
)
def test_local_addresses_are_those_that_only_this_machine_reaches(text: str, local: bool) -> None:
    assert Address.parse(text).is_local is local


@pytest.fixture
async def server() -> grpc.aio.Server:
    return grpc.aio.server(options=server_options())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_port_that_was_taken_is_given(server: grpc.aio.Server, host: str) -> None:
    bound = bind(server, Address("tcp", host, 0))
    assert bound.port
    assert bound.host == host
    await server.stop(None)


async def test_a_port_in_use_is_named_with_the_next_step(
    server: grpc.aio.Server, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            bind(server, Address.parse(f"127.0.0.1:{port}"))
    assert f"port {port} is already in use" in str(caught.value)
    assert "--listen 127.0.0.1:0 takes a free one" in str(caught.value)
    assert capfd.readouterr().err == "", "gRPC's own words about it are noise"


async def test_the_port_of_another_grpc_server_is_in_use_too(server: grpc.aio.Server) -> None:
    other = grpc.aio.server(options=server_options())
    bound = bind(other, Address("tcp", "127.0.0.1"))
    with pytest.raises(ConfigError, match="already in use"):
        bind(server, bound)
    await other.stop(None)


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="ports can't be shared here")
async def test_a_port_can_be_shared_where_that_is_meant() -> None:
    first, second = (grpc.aio.server(options=server_options(share=True)) for _ in range(2))
    bound = bind(first, Address("tcp", "127.0.0.1"), share=True)
    assert bind(second, bound, share=True) == bound
    await first.stop(None)
    await second.stop(None)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (Address("tcp", "no-such-host.invalid", 0), "'no-such-host.invalid' can't be resolved"),
        (Address("tcp", "192.0.2.1", 0), "this machine has no address 192.0.2.1"),
        pytest.param(
            Address("unix", "/no-such-folder/a.sock"), "the folder /no-such-folder doesn't exist", marks=unix_only
        ),
    ],
)
async def test_an_address_that_cannot_be_had_says_why(server: grpc.aio.Server, address: Address, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bind(server, address)
    assert said in str(caught.value)
    assert str(address) in str(caught.value)


@unix_only
class TestUnixSocket:
    async def test_is_bound_and_gone_when_the_server_stops(self, server: grpc.aio.Server, tmp_path: Path) -> None:
        address = Address("unix", str(tmp_path / "a.sock"))
        assert bind(server, address) == address
        await server.start()
        assert (tmp_path / "a.sock").is_socket()
        await server.stop(None)
        assert not (tmp_path / "a.sock").exists()

    async def test_left_behind_by_a_crash_is_replaced(self, server: grpc.aio.Server, tmp_path: Path) -> None:
        path = tmp_path / "a.sock"
        with socket.socket(socket.AF_UNIX) as crashed:
            crashed.bind(str(path))
            crashed.listen()
        assert path.is_socket()
        bind(server, Address("unix", str(path)))
        await server.stop(None)

    def test_left_behind_is_removed_for_servers_that_do_not_do_so_themselves(self, tmp_path: Path) -> None:
        path = tmp_path / "a.sock"
        with socket.socket(socket.AF_UNIX) as crashed:
            crashed.bind(str(path))
        check_free(Address("unix", str(path)))
        assert not path.exists()

    async def test_of_a_living_server_is_not_taken_away(self, server: grpc.aio.Server, tmp_path: Path) -> None:
        path = tmp_path / "a.sock"
        with socket.socket(socket.AF_UNIX) as living:
            living.bind(str(path))
            living.listen()
            with pytest.raises(ConfigError, match="another server listens on that socket"):
                bind(server, Address("unix", str(path)))
        assert path.is_socket()

    async def test_does_not_replace_a_file(self, server: grpc.aio.Server, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("precious")
        with pytest.raises(ConfigError, match="not a socket"):
            bind(server, Address("unix", str(path)))
        assert path.read_text() == "precious"

    @linux_only
    async def test_abstract_in_use_is_said(self, server: grpc.aio.Server) -> None:
        address = Address("unix-abstract", f"grpcmock-test-{id(server)}")
        with socket.socket(socket.AF_UNIX) as living:
            living.bind("\0" + address.host)
            living.listen()
            with pytest.raises(ConfigError, match="another server listens"):
                bind(server, address)
        assert bind(server, address) == address
        await server.stop(None)
