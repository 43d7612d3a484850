"""Contract testing and mock servers for gRPC: one YAML contract answers, tests and proves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock._version import __version__

if TYPE_CHECKING:
    # Said again for type checkers, which don't look into the table below; a test holds the two together.
    from grpcmock.contract.case import ContractCase as ContractCase  # noqa: I001 - one import a module
    from grpcmock.contract.contract import Contract as Contract
    from grpcmock.contract.errors import ContractError as ContractError
    from grpcmock.contract.serving import serving as serving
    from grpcmock.errors import (
        CompileError as CompileError,
        ConfigError as ConfigError,
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
    from grpcmock.mock.operators import (
        absent as absent,
        all_ as all_,
        and_ as and_,
        approx as approx,
        as_json as as_json,
        as_message as as_message,
        contains as contains,
        each as each,
        eq as eq,
        exists as exists,
        first as first,
        glob as glob,
        gt as gt,
        gte as gte,
        ignore_case as ignore_case,
        keys as keys,
        last as last,
        lt as lt,
        lte as lte,
        matches as matches,
        ne as ne,
        none_of as none_of,
        not_ as not_,
        one_of as one_of,
        only as only,
        or_ as or_,
        prefix as prefix,
        size as size,
        some as some,
        suffix as suffix,
        unordered as unordered,
        values as values,
    )
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
    "grpcmock.errors": "CompileError ConfigError GrpcmockError Location MissingExtraError Problem RenderError "
    "SchemaError StubError TargetError UnknownMethodError",
    "grpcmock.mock.answer_builders": "failure replies reply",
    "grpcmock.mock.calls": "Call CallLog",
    "grpcmock.mock.functions": "HandlerCall",
    "grpcmock.mock.handle": "StubHandle",
    "grpcmock.mock.method": "MethodMock",
    "grpcmock.mock.operators": "absent all_ and_ approx as_json as_message contains each eq exists first glob gt "
    "gte ignore_case keys last lt lte matches ne none_of not_ one_of only or_ prefix size some suffix unordered values",
    "grpcmock.mock.server": "MockServer",
    "grpcmock.mock.verification": "VerificationError",
    "grpcmock.schema.registry": "Registry",
    "grpcmock.status": "Code",
    "grpcmock.stubs.model": "Stub",
}
"""The public names by the modules that hold them."""

_MODULES = {name: module for module, names in _PUBLIC.items() for name in names.split()}

__all__ = ["__version__", *_MODULES]  # noqa: PLE0604 - all of them are strings


if not TYPE_CHECKING:  # else any name would do for type checkers

    def __getattr__(name: str) -> Any:
        # Names are imported when they are first asked for: whoever has the package merely installed pays nothing.
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
