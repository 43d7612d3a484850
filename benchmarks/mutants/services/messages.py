"""The protos of a service as Python sees them: classes of messages, and numbers of enums, by their short names."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from grpcmock.schema import Registry, sources

FOLDER = Path(__file__).parent


@cache
def registry(service: str) -> Registry:
    """The protos of the service in the folder of this name."""
    return sources.load([FOLDER / service / "protos"])


class Messages:
    """What a generated module would hold: classes, as ``pb.Book``, enums, and their numbers, as ``pb.POETRY``."""

    def __init__(self, service: str, package: str) -> None:
        self._registry = registry(service)
        self._package = package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = self._find(f"{self._package}.{name}")
        setattr(self, name, value)
        return value

    def _find(self, full_name: str) -> Any:
        pool = self._registry.pool
        for file in self._registry.files.file:
            if file.package != self._package:
                continue
            if any(f"{self._package}.{one.name}" == full_name for one in file.message_type):
                return self._registry.message(full_name)
            for declared in file.enum_type:
                if f"{self._package}.{declared.name}" == full_name:
                    return EnumTypeWrapper(pool.FindEnumTypeByName(full_name))
                for value in declared.value:
                    if f"{self._package}.{value.name}" == full_name:
                        return value.number
        raise AttributeError(f"There is no {full_name} in the protos.")
