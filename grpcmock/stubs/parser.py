"""From a node to a stub: which keys there are, which shapes their values have, which of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from grpcmock.errors import Location, did_you_mean
from grpcmock.stubs.model import Answer, Stub, Then, Verify
from grpcmock.stubs.shapes import EMPTY, Reader, Shape
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grpcmock.errors import Problems

MATCHING: Final = ("request", "requests", "metadata", "deadline", "when", "state", "times", "given")
"""The keys that say when a stub holds."""

REPLIES: Final = ("response", "responses", "error", "script", "answers")
"""The keys that say what is answered; one of them, or none."""

WITH_ANSWER: Final = ("interval", "headers", "trailers", "delay", "set", "fault")
"""The keys that may stand with any answer, on a stub or on each of its ``answers``."""

STUB_KEYS: Final = frozenset(
    ("name", "method", "priority", "each", "then", "verify", *MATCHING, *REPLIES, *WITH_ANSWER)
)
ANSWER_KEYS: Final = frozenset((*REPLIES, *WITH_ANSWER)) - {"answers"}
_ANSWERING: Final = frozenset((*REPLIES, *WITH_ANSWER, "then"))
_REPLACED: Final = frozenset(("fault", "delay", "interval", "error", "deadline"))
"""Keys whose mapping is one of several shapes, so that merging two of them would make a third that nobody meant."""

_ELSEWHERE: Final = {
    "code": "It belongs into 'error'.",
    "message": "It belongs into 'error'.",
    "details": "It belongs into 'error'.",
    "expect": "It is a step of 'script'.",
    "send": "It is a step of 'script'.",
    "wait": "It is a step of 'script'; before any answer write 'delay'.",
    "defaults": "It stands beside 'stubs', at the top of a file: {defaults: {…}, stubs: […]}.",
    "stubs": "It stands at the top of a file: {defaults: {…}, stubs: […]}.",
    "service": "Write it into 'method': package.Service/Method.",
    "input": "The pattern for the request is 'request'.",
    "output": "The answer is 'response'.",
    "rate": "It belongs into 'fault'.",
}
_THEN: Final[tuple[Then, ...]] = get_args(Then)
_NO_ANSWER: Final = (Answer(),)
_VERIFY: Final = Verify()


def parse_stub(
    node: Node,
    problems: Problems,
    defaults: Node | None = None,
    *,
    name: str | None = None,
    row: Mapping[str, Any] | None = None,
) -> Stub | None:
    """Check the shape of a stub, over *defaults*, and give its model.

    A part that is wrong is noted in *problems* and left out, so that those who read the others find what is wrong in
    them, too; without a ``method`` there is nothing to read, and None is given. *name* and *row* are those of a row of
    ``each``.
    """
    if type(node.value) is not dict:
        problems.error(f"A stub must be a mapping with a 'method', not {node.kind}.", node.location, rule="stub-shape")
        return None
    if defaults is not None:
        node = with_defaults(node, defaults)
    keys: dict[str, Node] = node.value
    location = Location(node.file, node.line)
    if len(keys) == 3 and row is None and (stub := _small_stub(keys, name, location)):
        return stub
    shape = Shape(problems, "")
    read = Reader(node, shape)
    if name is None:
        name = read.text("name")
    shape.stub = name = name or f"{node.file}:{node.line}"
    if not keys.keys() <= STUB_KEYS:
        _unknown_keys(node, STUB_KEYS, shape, "A stub")
    if "each" in keys:
        read.error("'each' makes several stubs of one, and can't stand here.", "each")
    answers = _answers(read) if not _ANSWERING.isdisjoint(keys) else _NO_ANSWER
    if (method := _method(read)) is None:
        return None
    return Stub(
        method=method,
        name=name,
        priority=read.integer("priority") or 0,
        request=keys.get("request"),
        requests=_requests(read),
        metadata=read.mapping("metadata"),
        deadline=keys.get("deadline"),
        when=keys.get("when") if read.text("when") is not None else None,
        state=read.strings("state"),
        times=read.integer("times", least=1),
        given=read.text("given"),
        answers=answers,
        then=_then(read),
        verify=_verify(read),
        row=row,
        location=location,
        method_location=keys["method"].location,
    )


def _method(read: Reader) -> str | None:
    if "method" not in read.keys:
        hint = "Write method: package.Service/Method."
        read.shape.error("A stub needs a 'method'.", read.node.location, "method", hint, "missing-key")
    return read.text("method")


def _small_stub(keys: dict[str, Node], name: str | None, location: Location) -> Stub | None:
    """Read a stub of method, request and response alone, as most are in a big file; None if it isn't one."""
    if "request" not in keys or "response" not in keys or "method" not in keys:
        return None
    method = keys["method"]
    if type(method.value) is not str or not method.value:
        return None
    return Stub(
        method=method.value,
        name=name or f"{location.file}:{location.line}",
        request=keys["request"],
        answers=(Answer(responses=(keys["response"],), set=EMPTY, location=location),),
        verify=_VERIFY,
        state=EMPTY,
        location=location,
        method_location=Location(method.file, method.line, method.column),
    )


def with_defaults(node: Node, defaults: Node) -> Node:
    """Lay *defaults* under a stub. An answer of its own, of any kind, takes the place of a default answer."""
    own, under = node.value, dict(defaults.value)
    if not own.keys().isdisjoint(REPLIES):
        for key in REPLIES:
            under.pop(key, None)
    present = own.keys() | under.keys()
    if "answers" not in present:
        under.pop("then", None)
    if present.isdisjoint(("responses", "answers")):
        under.pop("interval", None)
    return _merged(node, Node(under, defaults.file, keys=[key for key in defaults.keys or () if key.value in under]))


def check_defaults(node: Node, problems: Problems) -> Node | None:
    """Check ``defaults`` once, for all the stubs above them. Gives what is right of them."""
    shape = Shape(problems, "")
    if not node.is_mapping:
        shape.error(f"expected a mapping of stub keys, not {node.kind}.", node.location, "defaults")
        return None
    kept: dict[str, Node] = {}
    for key, value in node.value.items():
        if key in ("name", "each"):
            shape.error(f"{key!r} can't stand in defaults: it is each stub's own.", node.key_location(key), "defaults")
            continue
        before = len(problems)
        companion = {"then": {"answers": Node([Node({})])}, "interval": {"responses": Node([])}}.get(key, {})
        keys = [part for part in node.keys or () if part.value == key]
        parse_stub(Node({"method": Node("x"), **companion, key: value}, value.file, value.line, keys=keys), problems)
        if len(problems) == before:
            kept[key] = value
    return Node(kept, node.file, node.line, node.column, [key for key in node.keys or () if key.value in kept])


def _merged(over: Node, under: Node) -> Node:
    if not (over.is_mapping and under.is_mapping):
        return over
    value = dict(over.value)
    keys = list(over.keys or ())
    for key in under.keys or ():
        name = key.value
        if name not in value:
            value[name] = under.value[name]
            keys.append(key)
        elif name not in _REPLACED:
            value[name] = _merged(value[name], under.value[name])
    return Node(value, over.file, over.line, over.column, keys)


def _answers(read: Reader) -> tuple[Answer, ...]:
    """Read the one answer of a stub, or its ``answers``, over what the stub says for all of them."""
    keys, node, shape = read.keys, read.node, read.shape
    if "answers" not in keys:
        if "then" in keys:
            read.error("'then' says what follows the last of several 'answers'.", "then")
        return (_answer(read),)
    others = [key for key in REPLIES if key in keys and key != "answers"]
    if others:
        _conflict(read, [*others, "answers"])
    listed = read.items("answers")
    if listed is None:
        return _NO_ANSWER
    if not listed:
        shape.error("expected at least one answer.", keys["answers"].location, "answers")
        return _NO_ANSWER
    shared = {key: keys[key] for key in WITH_ANSWER if key in keys}
    under = Node(shared, node.file, keys=[key for key in node.keys or () if key.value in shared])
    answers = []
    for number, item in enumerate(listed):
        path = f"answers[{number}]"
        if shape.mapping(item, path) is None:
            continue
        _unknown_keys(item, ANSWER_KEYS, shape, "An answer", path)
        answers.append(_answer(Reader(_merged(item, under) if shared else item, shape, f"{path}.")))
    return tuple(answers) or _NO_ANSWER


def _answer(read: Reader) -> Answer:
    keys = read.keys
    given = [key for key in ("response", "responses", "script") if key in keys]
    if len(given) > 1 or ("script" in keys and "error" in keys):
        _conflict(read, [*given, *(["error"] if "error" in keys else [])])
    responses = _responses(read)
    script = keys.get("script") if read.items("script") is not None else None
    error = read.mapping("error")
    if script is not None:
        # What can't stand beside it has been told of; it need not be told again when the answer is compiled.
        responses = error = None
    return Answer(
        responses=responses,
        error=error,
        script=script,
        interval=keys.get("interval"),
        headers=read.mapping("headers"),
        trailers=read.mapping("trailers"),
        delay=keys.get("delay"),
        fault=read.mapping("fault"),
        set=read.strings("set"),
        location=Location(read.node.file, read.node.line),
    )


def _responses(read: Reader) -> tuple[Node, ...] | None:
    keys = read.keys
    if "responses" in keys:
        listed = read.items("responses")
        return None if listed is None else tuple(listed)
    if "interval" in keys and not read.prefix:
        # One of `answers` may have it from the stub, where it is for those of its sisters that are streams.
        read.error("'interval' is the pause between 'responses', and there are none.", "interval")
    return (keys["response"],) if "response" in keys else None


def _conflict(read: Reader, given: Sequence[str]) -> None:
    words = " and ".join(map(repr, given))
    hint = "Write the error as the last step, '- error: {…}'." if "script" in given and "error" in given else ""
    if "response" in given and "responses" in given:
        hint = "Write all messages into 'responses'."
    read.error(f"{words} can't stand together: an answer is one of them.", given[-1], hint, "answer-conflict")


def _unknown_keys(node: Node, known: frozenset[str], shape: Shape, what: str, path: str = "") -> None:
    for key in node.value:
        if key in known:
            continue
        hint = ""
        if path and key in STUB_KEYS:
            hint = "It belongs on the stub, beside 'answers'."
        elif path == "" or key not in STUB_KEYS:
            hint = _ELSEWHERE.get(key) or did_you_mean(str(key), known, known="The keys")
        where = f"{path}.{key}" if path else str(key)
        shape.error(f"{what} has no key {key!r}.", node.key_location(key), where, hint, "unknown-key")


def _requests(read: Reader) -> Node | None:
    node = read.keys.get("requests")
    if node is None or node.is_list or (node.is_mapping and all(str(key).startswith("$") for key in node.value)):
        return node
    what = "a mapping with a key that is no operator" if node.is_mapping else node.kind
    hint = "For all messages alike write {$each: {…}}." if node.is_mapping else ""
    message = f"expected a list of patterns, one for each message, or operators of a repeated field, not {what}."
    read.shape.error(message, node.location, "requests", hint)
    return None


def _then(read: Reader) -> Then:
    node = read.keys.get("then")
    if node is None:
        return "last"
    for then in _THEN:
        if node.value == then:
            return then
    hint = did_you_mean(str(node.value), _THEN)
    read.shape.error(f"expected last, cycle or miss, not {read.shape.shown(node)}.", node.location, "then", hint)
    return "last"


def _verify(read: Reader) -> Verify:
    node, shape = read.keys.get("verify"), read.shape
    if node is None:
        return _VERIFY
    if isinstance(node.value, bool):
        return Verify(enabled=node.value)
    if not node.is_mapping:
        shape.error(
            f"expected false or {{ignore, compare, response}}, not {shape.shown(node)}.", node.location, "verify"
        )
        return _VERIFY
    _unknown_keys(node, frozenset(("ignore", "compare", "response")), shape, "'verify'", "verify")
    ignored = Reader(node, shape, "verify.").items("ignore") or []
    ignore = [shape.text(item, f"verify.ignore[{number}]") for number, item in enumerate(ignored)]
    compare = node.value.get("compare")
    if compare is not None and compare.value not in ("exact", "subset"):
        shape.error(f"expected exact or subset, not {shape.shown(compare)}.", compare.location, "verify.compare")
    exact = compare is not None and compare.value == "exact"
    return Verify(
        ignore=tuple(filter(None, ignore)),
        compare="exact" if exact else "subset",
        response=node.value.get("response"),
    )
