"""The rules of Hypothesis' rule-based machine, made from a contract: what can be done with each kind of resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test

from grpcmock.fuzz.binding import bound
from grpcmock.fuzz.checks.registry import all_checks, chosen_checks
from grpcmock.fuzz.documents import documented
from grpcmock.fuzz.evidence import Evidence
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.generation.strategies import HypothesisSource
from grpcmock.fuzz.jury import Jury
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.selecting import select
from grpcmock.fuzz.stateful.model import Model
from grpcmock.fuzz.stateful.resources import Resource, Role
from grpcmock.fuzz.stateful.script import Script
from grpcmock.fuzz.stateful.world import World, set_by_scripts
from grpcmock.fuzz.terms import Terms
from grpcmock.fuzz.text import trial_lines
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.evidence import Reply
    from grpcmock.fuzz.failures import Finding
    from grpcmock.fuzz.generation.generator import Generator
    from grpcmock.fuzz.stateful.links import Links
    from grpcmock.fuzz.stateful.script import Handle
    from grpcmock.fuzz.trials import Call, Trial
    from grpcmock.schema import Registry

Perform = Callable[["Call"], "Reply"]
"""Makes a call and gives what came back; :func:`grpcmock.fuzz.stateful.calling.performer` makes one of a channel."""

PAGES = 5


class BrokenContractError(AssertionError):
    """What a server did is against its contract."""

    def __init__(self, findings: Iterable[Finding], trial: Trial, evidence: Evidence, registry: Registry) -> None:
        self.findings = tuple(findings)
        self.trial = trial
        """All calls up to the one that showed it: they can be made again, judged and exported like those of a run."""
        self.evidence = evidence
        lines = [f"{one.code}: expected {one.expected}; got {one.got}" for one in self.findings]
        super().__init__("\n".join([*lines, *(f"  {line}" for line in trial_lines(trial, evidence, registry))]))


class ContractStateMachine(RuleBasedStateMachine):
    """The base of the machines that :func:`state_machine` makes: it makes calls, and judges them by the contract."""

    world: World
    perform: Perform
    jury: Jury

    def __init__(self) -> None:
        super().__init__()
        method = self.world.plan.methods[0]
        self.script = Script(self.world, method, "machine")
        self.model = Model(self.world.resources, documented=self.world.plan.terms.documented)
        self.replies: list[Reply] = []

    def make(self) -> list[Reply]:
        """Make the calls that were written since the last time, and judge them. Raises :class:`BrokenContractError`."""
        calls = self.script.calls
        first = len(self.replies)
        for call in calls[first:]:
            reply = type(self).perform(bound(call, self.replies, calls) if call.bindings else call)
            self.replies.append(reply)
            findings = self.model.take(reply)
            trial, evidence = self._trial(len(self.replies)), Evidence(replies=(reply,))
            findings += [finding for finding in self.jury.judge(trial, evidence) if not finding.advice]
            if findings:
                seen = Evidence(replies=tuple(self.replies))
                raise BrokenContractError(findings, trial, seen, self.world.plan.registry)
        return self.replies[first:]

    def _trial(self, length: int) -> Trial:
        script = Script(self.world, self.script.method, self.script.name)
        script.calls = self.script.calls[:length]
        return script.finish("a program that Hypothesis found", clean=False)

    def made(self, handle: Handle | None) -> Any:
        """Give what a rule that creates gives: what was made, or nothing if it was refused."""
        self.make()
        if handle is None or not self.replies[handle.call].is_ok:
            return multiple()
        return handle

    def teardown(self) -> None:
        """Delete what was made, as far as the contract has a way to."""
        for handle in reversed(self.script.made):
            index = self.script.delete(handle)
            if index is not None:
                call = self.script.calls[index]
                self.replies.append(type(self).perform(bound(call, self.replies, self.script.calls)))


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
    terms = Terms(registry=registry, documented=documented(registry), links=links)
    methods = select(registry, include, exclude)
    plan = Plan(registry=registry, methods=methods, terms=terms, seed=seed, generators=Generators(registry))
    world = World(plan)
    names = tuple(checks)
    namespace: dict[str, Any] = {
        "world": world,
        "perform": staticmethod(perform),
        "jury": Jury(chosen_checks(names) if names else all_checks(), terms),
    }
    namespace["__doc__"] = "What the contract says of what a server keeps."
    for resource in world.resources.all:
        namespace |= _rules(resource, world)
    return type("ContractMachine", (ContractStateMachine,), namespace)


def failing_trial(
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


def _rules(resource: Resource, world: World) -> dict[str, Any]:
    name = snake_case(resource.name.rpartition(".")[2])
    creating = resource.operation(Role.CREATE) or resource.operation(Role.IMPORT)
    if creating is None:
        return {}
    things: Bundle[Any] = Bundle(name)
    gone: Bundle[Any] = Bundle(f"deleted_{name}")
    content = _contents(world.plan.generators.of(creating.method.input, without=set_by_scripts(creating)))
    found = {f"create_{name}": _create(resource, things, content)}
    found |= dict(_on_each(resource, world, name, things, gone))
    for role in (Role.LIST, Role.EXPORT):
        if resource.operation(role) is not None:
            found[f"{role.value}_{name}"] = _list(resource, role, things)
    return found


def _on_each(
    resource: Resource, world: World, name: str, things: Bundle[Any], gone: Bundle[Any]
) -> Iterator[tuple[str, Any]]:
    if resource.operation(Role.GET) is not None:
        yield f"get_{name}", _get(things)
        yield f"get_deleted_{name}", _get(gone)
    if (updating := resource.operation(Role.UPDATE)) is not None:
        update = _contents(world.plan.generators.of(updating.method.input, without=set_by_scripts(updating)))
        masks = st.none()
        if updating.mask and (fields := world.changeable(resource, updating)):
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
        return self.made(self.script.create(resource, content))

    return create


def _get(things: Bundle[Any], *, delete: bool = False) -> Any:
    @rule(handle=things)
    def get(self: ContractStateMachine, handle: Handle) -> None:
        if delete:
            self.script.delete(handle)
        else:
            self.script.get(handle)
        self.make()

    return get


def _update(things: Bundle[Any], content: st.SearchStrategy[Message], masks: st.SearchStrategy[str | None]) -> Any:
    @rule(handle=things, content=content, mask=masks)
    def update(self: ContractStateMachine, handle: Handle, content: Message, mask: str | None) -> None:
        self.script.update(handle, content, [mask] if mask else [])
        self.make()

    return update


def _delete(things: Bundle[Any], gone: Bundle[Any]) -> Any:
    @rule(target=gone, handle=consumes(things))
    def delete(self: ContractStateMachine, handle: Handle) -> Any:
        self.script.delete(handle)
        self.make()
        return handle

    return delete


def _several(role: Role, things: Bundle[Any], gone: Bundle[Any]) -> Any:
    @rule(handles=st.lists(things | gone, min_size=1, max_size=4))
    def several(self: ContractStateMachine, handles: list[Handle]) -> None:
        self.script.get_several(role, list(dict.fromkeys(handles)))
        self.make()

    return several


def _list(resource: Resource, role: Role, things: Bundle[Any]) -> Any:
    @rule(handle=things, size=st.sampled_from([0, 1, 2, 1000]))
    def listed(self: ContractStateMachine, handle: Handle, size: int) -> None:
        self.script.list(resource, handle.parent, size=size, pages=PAGES, role=role)
        self.make()

    return listed
