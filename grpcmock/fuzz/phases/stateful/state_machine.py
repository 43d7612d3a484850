"""The rules of Hypothesis' rule-based machine, made from a contract: what can be done with each kind of resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test

from grpcmock.fuzz.checks.registry import all_checks, chosen_checks
from grpcmock.fuzz.checks.rendering import case_lines
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.documented_codes import documented
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.method_selection import select
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.generation.hypothesis_source import HypothesisSource
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.readable import is_readable
from grpcmock.fuzz.model.results import CaseResult
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory, set_by_scripts
from grpcmock.fuzz.resources.state_model import StateModel
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.links import Links
    from grpcmock.fuzz.generation.generator import Generator
    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.phases.stateful.handle import Handle
    from grpcmock.fuzz.resources.resource import Resource
    from grpcmock.schema import Registry

Perform = Callable[["Call"], "Reply"]
"""Makes a call and returns what came back. :func:`grpcmock.fuzz.execution.blocking_calls.performer` gives one for a
channel."""

PAGES = 5


class BrokenContractError(AssertionError):
    """What a server did is against its contract."""

    def __init__(self, findings: Iterable[Finding], case: Case, result: CaseResult, registry: Registry) -> None:
        self.findings = tuple(findings)
        self.case = case
        """All calls up to the one that showed it: they can be made again, checked and exported like those of a run."""
        self.result = result
        lines = [f"{one.code}: expected {one.expected}; actual {one.actual}" for one in self.findings]
        super().__init__("\n".join([*lines, *(f"  {line}" for line in case_lines(case, result, registry))]))


class ContractStateMachine(RuleBasedStateMachine):
    """The base of the machines that :func:`state_machine` makes: it makes calls, and checks them by the contract."""

    factory: ResourceFactory
    perform: Perform
    suite: CheckSuite

    def __init__(self) -> None:
        super().__init__()
        method = self.factory.plan.methods[0]
        self.sequence = CallSequence(self.factory, method, "machine")
        self.model = StateModel(self.factory.resources, documented=self.factory.plan.expectations.documented)
        self.is_readable = True
        """Whether all replies so far can be read: once one can't, nobody knows what is there."""
        self.replies: list[Reply] = []

    def make(self) -> list[Reply]:
        """Make the calls that were written since the last time, and check them. Raises :class:`BrokenContractError`."""
        calls = self.sequence.calls
        first = len(self.replies)
        for call in calls[first:]:
            reply = type(self).perform(bound(call, self.replies, calls) if call.bindings else call)
            self.replies.append(reply)
            self.is_readable = self.is_readable and is_readable(reply)
            findings = self.suite.coded(self.model.take(reply) if self.is_readable else [])
            case, result = self._case(len(self.replies)), CaseResult(replies=(reply,))
            findings += [finding for finding in self.suite.evaluate(case, result) if not finding.is_warning]
            if findings:
                seen = CaseResult(replies=tuple(self.replies))
                raise BrokenContractError(findings, case, seen, self.factory.plan.registry)
        return self.replies[first:]

    def _case(self, length: int) -> Case:
        sequence = CallSequence(self.factory, self.sequence.method, self.sequence.name)
        sequence.calls = self.sequence.calls[:length]
        return sequence.finish("a program that Hypothesis found", clean=False)

    def made(self, handle: Handle | None) -> Any:
        """Give what a rule that creates gives: what was made, or nothing if it was refused."""
        self.make()
        if handle is None or not self.replies[handle.call].is_ok:
            return multiple()
        return handle

    def teardown(self) -> None:
        """Delete what was made, as far as the contract has a way to."""
        for handle in reversed(self.sequence.made):
            index = self.sequence.delete(handle)
            if index is not None:
                call = self.sequence.calls[index]
                self.replies.append(type(self).perform(bound(call, self.replies, self.sequence.calls)))


def state_machine(
    registry: Registry,
    perform: Perform,
    *,
    links: Links | None = None,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    checks: Iterable[str] = (),
    seed: int = 0,
) -> type[ContractStateMachine]:
    """Make the class of a machine that tries what a server keeps. Its ``TestCase`` is a test; or subclass it.

    There is a bundle for each kind of resource that the contract tells of, and a rule for each thing that can be done:
    ``create_user``, ``get_user``, ``update_user``, ``delete_user``, ``list_user``. *include* and *exclude* are patterns
    of method names, *checks* names of the checks that count besides those on resources, all if there are none.

    Raises :class:`ConfigError` for a pattern that fits nothing.
    """
    expectations = Expectations(registry=registry, documented=documented(registry), links=links)
    methods = select(registry, include, exclude)
    plan = Plan(
        registry=registry, methods=methods, expectations=expectations, seed=seed, generators=Generators(registry)
    )
    factory = ResourceFactory(plan)
    names = tuple(checks)
    namespace: dict[str, Any] = {
        "factory": factory,
        "perform": staticmethod(perform),
        "suite": CheckSuite(chosen_checks(names) if names else all_checks(), expectations),
    }
    namespace["__doc__"] = "What the contract says of what a server keeps."
    for resource in factory.resources.all:
        namespace |= _rules(resource, factory)
    return type("ContractMachine", (ContractStateMachine,), namespace)


def failing_case(
    machine: type[ContractStateMachine], *, examples: int = 20, steps: int = 12
) -> BrokenContractError | None:
    """Let Hypothesis look for the smallest program that shows a fault: always the same ones, and a bounded number.

    None if no program does.
    """
    bounds = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    try:
        run_state_machine_as_test(machine, settings=bounds)
    except BrokenContractError as error:
        return error
    return None


# Rules --------------------------------------------------------------------------------------------------


def _rules(resource: Resource, factory: ResourceFactory) -> dict[str, Any]:
    name = snake_case(resource.name.rpartition(".")[2])
    creating = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
    if creating is None:
        return {}
    things: Bundle[Any] = Bundle(name)
    gone: Bundle[Any] = Bundle(f"deleted_{name}")
    content = _contents(factory.plan.generators.of(creating.method.input, without=set_by_scripts(creating)))
    found = {f"create_{name}": _create(resource, things, content)}
    found |= dict(_on_each(resource, factory, name, things, gone))
    for role in (Role.LIST, Role.EXPORT):
        if resource.operation(role) is not None:
            found[f"{role.value}_{name}"] = _list(resource, role, things)
    return found


def _on_each(
    resource: Resource, factory: ResourceFactory, name: str, things: Bundle[Any], gone: Bundle[Any]
) -> Iterator[tuple[str, Any]]:
    if resource.operation(Role.GET) is not None:
        yield f"get_{name}", _get(things)
        yield f"get_deleted_{name}", _get(gone)
    if (updating := resource.operation(Role.UPDATE)) is not None:
        update = _contents(factory.plan.generators.of(updating.method.input, without=set_by_scripts(updating)))
        masks = st.none()
        if updating.mask and (fields := factory.changeable(resource, updating)):
            masks |= st.sampled_from([field.name for field in fields])
        yield f"update_{name}", _update(things, update, masks)
        yield f"update_deleted_{name}", _update(gone, update, masks)
    if resource.operation(Role.DELETE) is not None:
        yield f"delete_{name}", _delete(things, gone)
        yield f"delete_{name}_again", _get(gone, delete=True)
    for role in (Role.BATCH_GET, Role.LOOKUP):
        if resource.operation(role) is not None:
            yield f"{snake_case(role.value.title().replace(' ', ''))}_{name}", _several(role, things, gone)


@st.composite
def _contents(draw: Any, generator: Generator) -> Message:
    return generator.generate(HypothesisSource(draw))


def _create(resource: Resource, things: Bundle[Any], content: st.SearchStrategy[Message]) -> Any:
    @rule(target=things, content=content)
    def create(self: ContractStateMachine, content: Message) -> Any:
        return self.made(self.sequence.create(resource, content))

    return create


def _get(things: Bundle[Any], *, delete: bool = False) -> Any:
    @rule(handle=things)
    def get(self: ContractStateMachine, handle: Handle) -> None:
        if delete:
            self.sequence.delete(handle)
        else:
            self.sequence.get(handle)
        self.make()

    return get


def _update(things: Bundle[Any], content: st.SearchStrategy[Message], masks: st.SearchStrategy[str | None]) -> Any:
    @rule(handle=things, content=content, mask=masks)
    def update(self: ContractStateMachine, handle: Handle, content: Message, mask: str | None) -> None:
        self.sequence.update(handle, content, [mask] if mask else [])
        self.make()

    return update


def _delete(things: Bundle[Any], gone: Bundle[Any]) -> Any:
    @rule(target=gone, handle=consumes(things))
    def delete(self: ContractStateMachine, handle: Handle) -> Any:
        self.sequence.delete(handle)
        self.make()
        return handle

    return delete


def _several(role: Role, things: Bundle[Any], gone: Bundle[Any]) -> Any:
    @rule(handles=st.lists(things | gone, min_size=1, max_size=4))
    def several(self: ContractStateMachine, handles: list[Handle]) -> None:
        self.sequence.get_several(role, list(dict.fromkeys(handles)))
        self.make()

    return several


def _list(resource: Resource, role: Role, things: Bundle[Any]) -> Any:
    @rule(handle=things, size=st.sampled_from([0, 1, 2, 1000]))
    def listed(self: ContractStateMachine, handle: Handle, size: int) -> None:
        self.sequence.list(resource, handle.parent, size=size, pages=PAGES, role=role)
        self.make()

    return listed
