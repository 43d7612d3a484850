"""What all phases of a run are given to make cases of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation.message_shrinking import minimize
from grpcmock.fuzz.learning.acceptance import Acceptance
from grpcmock.fuzz.learning.limits import Limits
from grpcmock.fuzz.learning.taken_names import TakenNames
from grpcmock.fuzz.phases.response_dictionary import ResponseDictionary

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.generation.generator import Generators
    from grpcmock.fuzz.generation.message_boundaries import Boundary
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What the phases of a run have in common."""

    registry: Registry
    methods: tuple[Method, ...]
    """Those that are tried, in the order of their full names."""

    expectations: Expectations
    seed: int = 0

    examples: tuple[Case, ...] = ()
    """Requests that somebody wrote down or recorded."""

    credentials: Metadata = ()
    """What the run sends with every call, by which the server knows who is calling."""

    second_identity: Metadata = ()
    """The credentials of somebody else."""

    deadline: float = 3.0
    """Seconds that a call may take unless it says otherwise."""

    generators: Generators
    """They make valid requests, by nothing but the contract and what was written down."""

    dictionary: ResponseDictionary = field(default_factory=ResponseDictionary)
    """What the server's replies have taught so far."""

    shard: tuple[int, int] = (1, 1)
    """Which part of the generated cases is made here, of how many: the first is 1."""

    proven: set[tuple[str, str, str]] = field(default_factory=set)
    """What has been shown to be wrong so far: names of checks, full names of methods, and paths."""
    acceptance: Acceptance = field(init=False)
    """Which requests the server takes, as far as that was learned."""

    limits: Limits = field(init=False)
    """How much the server takes, as far as it has said so."""

    taken_names: TakenNames = field(default_factory=TakenNames)
    """Of which new names the server has said that they are taken."""

    _tried: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    """Which method has tried a boundary of a message that stands in its requests, by type and place."""

    _simplest: dict[str, bytes] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "acceptance", Acceptance(self.registry, self.expectations.links))
        object.__setattr__(self, "limits", Limits(self.registry))

    def tries(self, method: Method, boundary: Boundary) -> bool:
        """Note that a method tries a boundary, if it takes requests at all. Returns whether it is the first one."""
        position = boundary.position
        if position is None or not position.steps or method.path not in self.acceptance.first:
            return True
        owner: Any = position.owner(method.request_class).DESCRIPTOR
        place = f"{position.name}{boundary.id.removeprefix(boundary.path)}"
        return self._tried.setdefault((owner.full_name, place), method.path) == method.path

    def simplest(self, method: Method) -> bytes:
        """Give the simplest request of a method that the server takes, as far as is known: one that needs nothing to be
        there."""
        accepted = self.acceptance.of(method)
        return self.least(method) if accepted is None or accepted.needs else accepted.data

    def simplest_stream(self, method: Method, count: int) -> list[bytes]:
        """Give the messages of the simplest stream of requests that the server takes, as far as is known: *count* of
        those that follow the first, or of the first one where none does."""
        simplest, accepted = self.simplest(method), self.acceptance.of(method)
        if accepted is None or accepted.needs or not accepted.later:
            return [simplest] * count
        messages = [accepted.data, *accepted.later * (count // len(accepted.later))]
        made = self.acceptance.agreed(*map(method.request_class.FromString, messages))
        return [message.SerializePartialToString(deterministic=True) for message in made]

    def least(self, method: Method) -> bytes:
        """Give the simplest valid request of a method, by the contract alone: nothing in it can be left out."""
        found = self._simplest.get(method.path)
        if found is None:
            generator = self.generators.of(method.input)
            message = generator.least
            if not generator.broken(message):
                message = minimize(message, lambda smaller: not generator.broken(smaller))
            found = self._simplest[method.path] = message.SerializePartialToString(deterministic=True)
        return found
