"""The types that tests of generation go through."""

from __future__ import annotations

from functools import cache

import support

from grpcmock.fuzz.generation.generator import Generators
from grpcmock.schema import Registry

FILES = (
    "user.proto",
    "kitchen_sink.proto",
    "legacy.proto",
    "editions2023.proto",
    "editions2024.proto",
    "rules.proto",
    "required.proto",
    "predefined.proto",
)
UNSATISFIABLE = {"rules.Contradiction", "predefined.Onion"}
"""Types of which no message is valid."""


def registry() -> Registry:
    return support.registry(*FILES)


@cache
def generators(*, valid: bool = True) -> Generators:
    return Generators(registry(), valid=valid)


NAMES = [name for name in registry().message_names() if not name.startswith(("google.", "buf."))]
RULED = [
    *("rules.Numbers", "rules.Strings", "rules.Octets", "rules.Collections", "rules.Others", "rules.Together"),
    *("rules.Book", "predefined.Crate", "required.Badge"),
]
