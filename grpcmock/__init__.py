"""Contract testing and mock servers for gRPC: one YAML contract answers, tests and proves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock._version import __version__ as __version__

if TYPE_CHECKING:
    # Said again for type checkers, which don't look into the table below; a test holds the two together.
    from grpcmock.contract.case import ContractCase as ContractCase
    from grpcmock.contract.contract import Contract as Contract
    from grpcmock.contract.errors import ContractError as ContractError
    from grpcmock.contract.serving import serving as serving
    from grpcmock.errors import (
        CompileError as CompileError,
        ConfigError as ConfigError,
        DroppedCallsError as DroppedCallsError,
        GrpcmockError as GrpcmockError,
        Location as Location,
        MissingExtraError as MissingExtraError,
        Problem as Problem,
        RenderError as RenderError,
        SchemaError as SchemaError,
        StubError as StubError,
        TargetError as TargetError,
        UnknownMethodError as UnknownMethodError,
    )
    from grpcmock.mock.answer_builders import failure as failure, replies as replies, reply as reply
    from grpcmock.mock.calls import Call as Call, CallLog as CallLog
    from grpcmock.mock.functions import HandlerCall as HandlerCall
    from grpcmock.mock.handle import StubHandle as StubHandle
    from grpcmock.mock.method import MethodMock as MethodMock
    from grpcmock.mock.operators import *  # noqa: F403 - whatever is public there is an operator
    from grpcmock.mock.pushed_call import PushedCall as PushedCall
    from grpcmock.mock.pushes import Pushes as Pushes
    from grpcmock.mock.server import MockServer as MockServer
    from grpcmock.mock.verification import VerificationError as VerificationError
    from grpcmock.schema.registry import Registry as Registry
    from grpcmock.status import Code as Code
    from grpcmock.stubs.model import Stub as Stub

_PUBLIC = {
    "grpcmock.contract.case": "ContractCase",
    "grpcmock.contract.contract": "Contract",
    "grpcmock.contract.errors": "ContractError",
    "grpcmock.contract.serving": "serving",
    "grpcmock.errors": "CompileError ConfigError DroppedCallsError GrpcmockError Location MissingExtraError Problem "
    "RenderError SchemaError StubError TargetError UnknownMethodError",
    "grpcmock.mock.answer_builders": "failure replies reply",
    "grpcmock.mock.calls": "Call CallLog",
    "grpcmock.mock.functions": "HandlerCall",
    "grpcmock.mock.handle": "StubHandle",
    "grpcmock.mock.method": "MethodMock",
    "grpcmock.mock.pushed_call": "PushedCall",
    "grpcmock.mock.pushes": "Pushes",
    "grpcmock.mock.server": "MockServer",
    "grpcmock.mock.verification": "VerificationError",
    "grpcmock.schema.registry": "Registry",
    "grpcmock.status": "Code",
    "grpcmock.stubs.model": "Stub",
}
"""The public names by the modules that hold them, but for the operators of patterns."""

_MODULES = {name: module for module, names in _PUBLIC.items() for name in names.split()}

_OPERATORS = "grpcmock.mock.operators"
"""Whatever is public here is public in the package too."""

if not TYPE_CHECKING:  # or type checkers would take any name for one of these

    def __getattr__(name: str) -> Any:
        # Names are imported when they are first asked for: whoever has the package merely installed pays nothing.
        from importlib import import_module

        if name in _MODULES:
            value = getattr(import_module(_MODULES[name]), name)
        elif name == "__all__":
            value = ["__version__", *_MODULES, *import_module(_OPERATORS).__all__]
        elif name.startswith("_") or name not in (operators := import_module(_OPERATORS)).__all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        else:
            value = getattr(operators, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
