"""Hypothesis strategies of messages: the same generators, driven by Hypothesis, which makes what fails small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import strategies as st

from grpcmock.errors import SchemaError, did_you_mean
from grpcmock.fuzz.generation.choices import Source
from grpcmock.fuzz.generation.generator import DEPTH, Generators
from grpcmock.fuzz.generation.rule_validator import reachable
from grpcmock.schema.modules import registry_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

M = TypeVar("M", bound="Message")


class HypothesisSource(Source):
    """Decisions that Hypothesis makes: the same questions in the same order, each an integer below a bound."""

    __slots__ = ()

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        """Take the ``draw`` of a composite strategy, or that of ``st.data()``."""
        choices: list[int] = []
        record = choices.append

        def below(bound: int) -> int:
            if bound < 2:
                return 0
            value = draw(_below(bound))
            record(value)
            return value

        super().__init__(below, choices)


@lru_cache(maxsize=1024)
def _below(bound: int) -> st.SearchStrategy[int]:
    return st.integers(0, bound - 1)


def strategy(
    message_class: type[M],
    chosen: Mapping[str, st.SearchStrategy[Any]],
    *,
    valid: bool = True,
    depth: int = DEPTH,
    only: Iterable[str] | None = None,
    exclude: Iterable[str] = (),
) -> st.SearchStrategy[M]:
    """Give a strategy of messages of a class, as :func:`grpcmock.fuzz.messages` describes it."""
    descriptor: Any = message_class.DESCRIPTOR
    known = set(descriptor.fields_by_name)
    kept, dropped = known if only is None else set(only), set(exclude)
    for name in (*chosen, *sorted(kept), *sorted(dropped)):
        if name not in known:
            hint = did_you_mean(name, known, known="The fields")
            raise SchemaError(f"{descriptor.full_name} has no field {name!r}. {hint}".rstrip())
    without = frozenset(dropped | chosen.keys() | (known - kept))
    generator = _generators(descriptor, valid, depth).of(message_class, without=without)

    @st.composite
    def messages(draw: st.DrawFn, message_class: type[M]) -> M:
        message: Any = generator.generate(HypothesisSource(draw))
        for name, values in chosen.items():
            _assign(message, name, draw(values))
        assert isinstance(message, message_class)
        return message

    return messages(message_class)


@lru_cache(maxsize=256)
def _generators(descriptor: Descriptor, valid: bool, depth: int) -> Generators:
    extendable: list[Any] = [inside for inside in reachable(descriptor) if inside.is_extendable]
    extending = [field.file for inside in extendable for field in inside.file.pool.FindAllExtensions(inside)]
    return Generators(registry_of(descriptor.file, *extending), valid=valid, depth=depth, as_request=False)


def _assign(message: Any, name: str, value: Any) -> None:
    """Set a field to what a user's strategy gave: a scalar, a message, a list, a mapping, or None for nothing."""
    message.ClearField(name)
    if value is not None:
        message.MergeFrom(type(message)(**{name: value}))
