"""How calls go, whatever they say: streams of all lengths, deadlines and cancels, repetition, many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.client.actions import HALF_CLOSE, Cancel, Pause, Receive, Send
from grpcmock.fuzz.expectations.side_effects import observers, only_reads
from grpcmock.fuzz.model.cases import LATER, SHORT, Binding, Call, Case, Measure, Phase, call_of
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

MANY = 300
"""Messages in a long stream."""

CANCELS = 4
REPETITIONS = 120
AT_ONCE = 12

_CUTS = (0.0, 0.002, 0.01)
"""So many seconds after its request a call is cancelled."""

_SOON = 1.0
"""A deadline that a call meets which sends next to nothing, in seconds."""

_LONG = 10.0

_UNREAD = 0.3
"""So many seconds a slow reader leaves its responses unread."""


def before(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield what shows best while little has happened: streams that are short, cut, and long, changes whose time was
    up, and repetition."""
    yield from _lengths(method, plan)
    if method.kind is not MethodKind.UNARY:
        yield from _cancels(method, plan)
    if method.kind is MethodKind.BIDI_STREAMING or only_reads(method):
        yield from _long(method, plan)
    yield from _seen_by(method, plan)
    yield from _repeated(method, plan)


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield cancels of single calls, deadlines, slow readers, and long streams by which a lot may be made: lists are
    best looked at while there is little in them."""
    if method.kind is MethodKind.UNARY:
        yield from _cancels(method, plan)
    if method.kind is MethodKind.CLIENT_STREAMING and not only_reads(method):
        yield from _long(method, plan)
    yield from _locks(method, plan)
    yield from _deadlines(method, plan)
    yield from _seen_below(method, plan)
    yield from _slow_reader(method, plan)


def _repeated(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the same request many times over, of which nothing may be left."""
    if only_reads(method) and not method.kind.client_streams:
        yield _case(
            method,
            f"repeated-{REPETITIONS}",
            f"the simplest valid request {REPETITIONS} times",
            (call_of(method, plan.simplest(method)),),
            targets={"memory_growth"},
            measures=Measure.USAGE,
            shrinks_as_one=True,
            repeat=REPETITIONS,
        )


def concurrent(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the same request, once alone and then many times at once."""
    if only_reads(method) and not method.kind.client_streams:
        requests = dict.fromkeys((b"", plan.simplest(method)))
        for name, request in zip(("empty", "simplest"), requests, strict=False):
            yield _case(
                method,
                f"at-once-{name}",
                f"the {name} request {AT_ONCE} times at once",
                (call_of(method, request),),
                targets={"concurrency"},
                shrinks_as_one=True,
                repeat=AT_ONCE,
                concurrent=True,
            )


def _case(
    method: Method,
    name: str,
    why: str,
    calls: tuple[Call, ...],
    *,
    targets: set[str] | None = None,
    measures: Measure | None = None,
    shrinks_as_one: bool = False,
    repeat: int = 1,
    concurrent: bool = False,
) -> Case:
    return Case(
        id=f"boundary/{method.full_name}/{name}",
        phase=Phase.BOUNDARY,
        method=method,
        calls=calls,
        why=why,
        targets=frozenset(targets or ()),
        measures=frozenset({measures} if measures is not None else ()),
        shrinks_as_one=shrinks_as_one,
        repeat=repeat,
        concurrent=concurrent,
    )


def _lengths(method: Method, plan: Plan) -> Iterator[Case]:
    if not method.kind.client_streams:
        return
    simplest = plan.simplest(method)
    ends = {"half_close"} if method.kind is MethodKind.BIDI_STREAMING else set()
    measures = Measure.TIME if ends else None
    empty = call_of(method, deadline=_SOON)
    yield _case(
        method,
        "stream-0",
        "a stream of no messages, half-closed at once",
        (empty,),
        targets={"empty_stream", *ends},
        measures=measures,
    )
    one = call_of(method, simplest, deadline=_SOON)
    yield _case(method, "stream-1", "a stream of one message", (one,), targets=ends, measures=measures)
    accepted = plan.acceptance.of(method) or plan.acceptance.endless.get(method.path)
    if accepted is not None and (accepted.needs or accepted.later):
        *made, taken = accepted.calls(accepted.data, salt="half-close")
        taken = replace(taken, deadline=_SOON)
        case = _case(
            method, "stream-taken", "a stream that the server takes", (*made, taken), targets=ends, measures=measures
        )
        yield replace(case, setup=len(made))
    two = call_of(method, simplest, simplest, deadline=_SOON)
    yield _case(method, "stream-2", "a stream of the same message twice", (two,), targets=ends, measures=measures)


def _long(method: Method, plan: Plan) -> Iterator[Case]:
    if not method.kind.client_streams:
        return
    many = call_of(method, *plan.simplest_stream(method, MANY), deadline=_LONG)
    yield _case(
        method,
        f"stream-{MANY}",
        f"a stream of {MANY} messages",
        (many,),
        targets={"long_stream"},
        measures=Measure.USAGE,
    )


def _plain(method: Method, plan: Plan, deadline: float | None = None) -> Call:
    return call_of(method, plan.simplest(method), deadline=deadline)


def _cancels(method: Method, plan: Plan) -> Iterator[Case]:
    request = plan.simplest(method)
    plain = _plain(method, plan, _SOON if method.kind.client_streams else None)
    around = (plain, plain) if only_reads(method) else None
    at_once = replace(plain, actions=(Send(request), HALF_CLOSE, Cancel()))
    # A stream may have nothing to tell for a long time: that is no reason to wait for it.
    after_first = replace(plain, actions=(Send(request), HALF_CLOSE, Receive(), Cancel()), deadline=_SOON)
    half_way = replace(plain, actions=(Send(request), Pause(SHORT), Cancel()))
    ways = {}
    if method.kind.server_streams:
        ways["cancel-after-first"] = (after_first, "cancelled after the first response")
    ways["cancel-at-once"] = (at_once, "cancelled at once")
    if method.kind.client_streams:
        ways["cancel-half-way"] = (half_way, "cancelled before half-close")
    for name, (cut, words) in ways.items():
        if around is not None or method.kind.client_streams:
            before, after = around or (call_of(method, deadline=_SOON),) * 2
            why = f"{CANCELS} calls {words}, between two that aren't"
            calls = (before, *[cut] * CANCELS, after)
            yield _cut(_case(method, name, why, calls, targets={"cancellation_honored"}))
    if method.kind.server_streams:
        yield from _left(method, plan)


def _left(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield streams on what is there, or was made for them, that are left while they go on: who has gone is forgotten.

    The first one shows only in the second what the same request gets once it was made.
    """
    accepted = plan.acceptance.first.get(method.path) or plan.acceptance.endless.get(method.path)
    if accepted is None or plan.acceptance.takes_away(method) or (only_reads(method) and not accepted.needs):
        return
    calls = accepted.calls(*[accepted.data] * (CANCELS + 3), salt="left")
    *made, before = (replace(call, deadline=_SOON) for call in calls[: -CANCELS - 1])
    *left, after = calls[-CANCELS - 1 :]
    end = () if method.kind.client_streams else (HALF_CLOSE,)
    left = [
        replace(call, actions=(*(Send(data) for data in call.messages), *end, Pause(SHORT), Cancel())) for call in left
    ]
    words = f"{CANCELS} streams that are left while they go on, between two that aren't, on the same things"
    after = replace(after, deadline=_SOON, actions=(Pause(LATER), *after.actions))
    calls = (*made, before, *left, after)
    yield replace(_cut(_case(method, "left-between", words, calls, targets={"cancellation_honored"})), setup=len(made))


def _locks(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield calls that change a thing and are cut while they do, between some that aren't: a lock may be left. Two come
    before them, for the second one shows what the same request gets once it was made."""
    accepted = plan.acceptance.first.get(method.path)
    if accepted is None or only_reads(method) or method.kind is not MethodKind.UNARY:
        return
    data = accepted.fullest.SerializePartialToString(deterministic=True)
    calls = accepted.calls(*[data] * (len(_CUTS) + 3), salt="cut")
    *made, before = calls[: -len(_CUTS) - 1]
    *cut, after = calls[-len(_CUTS) - 1 :]
    cut = [replace(one, actions=(*one.actions, Pause(when), Cancel())) for one, when in zip(cut, _CUTS, strict=True)]
    after = replace(after, actions=(Pause(LATER), *after.actions))
    yield replace(
        _cut(
            _case(
                method,
                "cut-between",
                f"{len(cut)} calls cancelled soon, between two that aren't, on the same things",
                (*made, before, *cut, after),
                targets={"cancellation_honored"},
            )
        ),
        setup=len(made),
    )


def _deadlines(method: Method, plan: Plan) -> Iterator[Case]:
    if only_reads(method):
        plain = _plain(method, plan, _SOON if method.kind.client_streams else None)
        tiny = replace(plain, deadline=0.001)
        why = "a call with a deadline of a millisecond, between two without"
        yield _cut(_case(method, "deadline-1ms", why, (plain, tiny, plain), targets={"deadline_honored"}))


def _slow_reader(method: Method, plan: Plan) -> Iterator[Case]:
    if method.kind is MethodKind.SERVER_STREAMING and only_reads(method):
        plain = _plain(method, plan)
        slow = replace(plain, actions=(*plain.actions, Pause(2 * _UNREAD), Cancel()), unread=_UNREAD)
        why = f"a reader that takes nothing for {_UNREAD:g} s, between two that do"
        yield _case(method, "slow-reader", why, (plain, slow, plain), targets={"long_stream"}, measures=Measure.USAGE)


def _seen_by(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield calls that are cut short, between two looks at what there is. They take their time."""
    if only_reads(method):
        return
    for observer in observers(method, plan.methods)[:2]:
        request = plan.simplest(method)
        short = _plain(method, plan, SHORT)
        if method.kind.client_streams:
            cut = replace(short, actions=(Send(request), Pause(SHORT), Cancel()), deadline=_SOON)
            yield _observed(
                method, plan, observer, "cancel", cut, "cancelled before half-close", "cancellation_honored"
            )
            short = replace(short, actions=(Send(request), Pause(_SOON)))
        words = f"with a deadline of {SHORT * 1000:.0f} ms"
        yield _observed(method, plan, observer, "deadline", short, words, "deadline_honored")


def _seen_below(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield a call whose time was up, on things that were made for it, between two looks at what is below them."""
    accepted = plan.acceptance.first.get(method.path)
    if accepted is None or not accepted.needs or only_reads(method) or method.kind.client_streams:
        return
    *made, cut = accepted.calls(accepted.data, salt="seen")
    for observer in observers(method, plan.methods):
        look = plan.acceptance.first.get(observer.path)
        bindings = _on_the_same(look, made) if look is not None else ()
        if look is None or not bindings:
            continue
        before = replace(call_of(observer, look.data), bindings=bindings)
        after = replace(before, actions=(Pause(LATER), *before.actions))
        words = f"a call with a deadline of {SHORT * 1000:.0f} ms; what {observer.name} tells before and after"
        calls = (*made, before, replace(cut, deadline=SHORT), after)
        case = _case(method, f"deadline-seen-below-by-{observer.name}", words, calls, targets={"deadline_honored"})
        yield _cut(replace(case, setup=len(made)))
        return


def _on_the_same(request: AcceptedRequest, made: Sequence[Call]) -> tuple[Binding, ...]:
    """Return where a request says what calls have made; nothing unless they have made all that it needs."""
    paths = [call.path for call in made]
    needed = [need.made_by.method.path for need in request.needs]
    if not set(needed) <= set(paths):
        return ()
    return tuple(
        Binding(paths.index(path), need.source, need.target) for path, need in zip(needed, request.needs, strict=True)
    )


def _observed(method: Method, plan: Plan, observer: Method, name: str, cut: Call, words: str, target: str) -> Case:
    before = call_of(observer, plan.simplest(observer))
    after = replace(before, actions=(Pause(LATER), *before.actions))
    why = f"a call {words}; what {observer.name} tells before and after"
    case = _case(method, f"{name}-seen-by-{observer.name}", why, (before, cut, after), targets={target})
    return replace(_cut(case), mostly_idle=True)


def _cut(case: Case) -> Case:
    """Return a case as one that looks for what is left of the calls which it cuts short."""
    return replace(case, measures=frozenset({Measure.EFFECTS}), shrinks_as_one=True)
