# mypy: disable-error-code="arg-type"
from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from textwrap import dedent

import grpc
import grpc.aio
import pytest

from grpcmock.errors import ConfigError
from grpcmock.servers.health import Health
from grpcmock.servers.interceptors import load

MODULE = """
    import grpc

    class Nothing(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation, details):
            return await continuation(details)

    class Refusing(Nothing):
        async def intercept_service(self, continuation, details):
            async def refuse(request, context):
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
            return grpc.unary_unary_rpc_method_handler(refuse)

    class NeedsName(Nothing):
        def __init__(self, name): self.name = name

    class Synchronous(grpc.ServerInterceptor):
        def intercept_service(self, continuation, details):
            return continuation(details)

    class Holder:
        inner = Nothing()

    instance = NeedsName("ready")
    synchronous = Synchronous()
    number = 3
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A current directory with modules in it, forgotten at the end."""
    (tmp_path / "user_interceptors.py").write_text(dedent(MODULE))
    (tmp_path / "user_broken.py").write_text("1 / 0")
    (tmp_path / "user_syntax.py").write_text("def (")
    (tmp_path / "user_needs.py").write_text("import no_such_library")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("user_"):
            del sys.modules[name]


def test_a_class_is_called_and_an_instance_is_used_as_it_is() -> None:
    made, given, inner = load(
        ["user_interceptors:Nothing", "user_interceptors:instance", "user_interceptors:Holder.inner"]
    )
    module = sys.modules["user_interceptors"]
    assert type(made) is module.Nothing
    assert given is module.instance
    assert inner is module.Holder.inner


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("user_interceptors", "is named module:attribute"),
        ("user_interceptors:", "is named module:attribute"),
        (":Nothing", "is named module:attribute"),
        ("user_interceptors:Nohting", "has no attribute 'Nohting'. Did you mean 'Nothing'?"),
        ("user_interceptors:Holder.x", "has no attribute 'x'"),
        ("user_interceptors:NeedsName", "can't be called without arguments: TypeError"),
        ("user_interceptors:Synchronous", "synchronous server. Derive it from grpc.aio.ServerInterceptor"),
        ("user_interceptors:synchronous", "synchronous server. Derive it from grpc.aio.ServerInterceptor"),
        ("user_interceptors:number", "a grpc.aio.ServerInterceptor is needed; this is of type int"),
        ("no_such_module:X", "there is no module 'no_such_module', neither installed nor in"),
        ("user_interceptors.below:X", "'user_interceptors.below'"),
        ("user_broken:X", "user_broken can't be imported: ZeroDivisionError: division by zero"),
        ("user_syntax:X", "user_syntax can't be imported: SyntaxError"),
        ("user_needs:X", "user_needs imports 'no_such_library', which isn't installed"),
        (".relative:X", "can't be imported"),
    ],
)
def test_a_mistake_says_what_is_wrong(name: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load([name])
    assert said in str(caught.value)
    assert repr(name) in str(caught.value)


async def test_a_loaded_interceptor_intercepts(
    serve: Callable[..., Awaitable[str]], connect: Callable[[str], grpc.aio.Channel]
) -> None:
    target = await serve(Health().handlers(), interceptors=load(["user_interceptors:Refusing"]))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await connect(target).unary_unary("/grpc.health.v1.Health/Check")(b"")
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
