"""Contract testing and mock servers for gRPC: one YAML contract answers, tests and proves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from grpcmock.errors import (
        CompileError,
        ConfigError,
        GrpcmockError,
        Location,
        MissingExtraError,
        Problem,
        RenderError,
        SchemaError,
        StubError,
        TargetError,
        UnknownMethodError,
    )
    from grpcmock.schema.registry import Registry
    from grpcmock.status import Code

__all__ = [
    "Code",
    "CompileError",
    "ConfigError",
    "GrpcmockError",
    "Location",
    "MissingExtraError",
    "Problem",
    "Registry",
    "RenderError",
    "SchemaError",
    "StubError",
    "TargetError",
    "UnknownMethodError",
    "__version__",
]

_ELSEWHERE = {"Code": "grpcmock.status", "Registry": "grpcmock.schema.registry"}


def __getattr__(name: str) -> Any:
    # Names are imported when they are first asked for: whoever has the package merely installed pays nothing.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_ELSEWHERE.get(name, "grpcmock.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
