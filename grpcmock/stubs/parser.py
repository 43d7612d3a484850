"""From a node to a stub: which keys there are, which shapes their values have, which of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpcmock.errors import Location, did_you_mean
from grpcmock.stubs.model import Answer, Stub, Verify
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
_NO_ANSWER: Final = (Answer(),)
_VERIFY: Final = Verify()
_EMPTY: Final[dict[str, str]] = {}


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
    shape = _Shape(problems, "")
    if name is None:
        name = shape.text(keys["name"], "name") if "name" in keys else None
    shape.stub = name = name or f"{node.file}:{node.line}"
    if not keys.keys() <= STUB_KEYS:
        _unknown_keys(node, STUB_KEYS, shape, "A stub")
    if "each" in keys:
        shape.error("'each' makes several stubs of one, and can't stand here.", node.key_location("each"), "each")
    answers = _answers(node, shape) if not _ANSWERING.isdisjoint(keys) else _NO_ANSWER
    if "method" not in keys:
        hint = "Write method: package.Service/Method."
        shape.error("A stub needs a 'method'.", node.location, "method", hint, "missing-key")
        return None
    method = shape.text(keys["method"], "method")
    if method is None:
        return None
    return Stub(
        method=method,
        name=name,
        priority=shape.integer(keys["priority"], "priority") or 0 if "priority" in keys else 0,
        request=keys.get("request"),
        requests=_requests(keys["requests"], shape) if "requests" in keys else None,
        metadata=shape.mapping(keys["metadata"], "metadata") if "metadata" in keys else None,
        deadline=keys.get("deadline"),
        when=_when(keys["when"], shape) if "when" in keys else None,
        state=shape.strings(keys["state"], "state") if "state" in keys else _EMPTY,
        times=shape.integer(keys["times"], "times", least=1) if "times" in keys else None,
        given=shape.text(keys["given"], "given") if "given" in keys else None,
        answers=answers,
        then=_then(keys["then"], shape) if "then" in keys else "last",  # type: ignore[arg-type]
        verify=_verify(keys["verify"], shape) if "verify" in keys else _VERIFY,
        row=row,
        location=location,
        method_location=keys["method"].location,
    )


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
        answers=(Answer(responses=(keys["response"],), set=_EMPTY, location=location),),
        verify=_VERIFY,
        state=_EMPTY,
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
    shape = _Shape(problems, "")
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


def _answers(node: Node, shape: _Shape) -> tuple[Answer, ...]:
    """Read the one answer of a stub, or its ``answers``, over what the stub says for all of them."""
    keys: dict[str, Node] = node.value
    if "then" in keys and "answers" not in keys:
        shape.error("'then' says what follows the last of several 'answers'.", node.key_location("then"), "then")
    if "answers" not in keys:
        return (_answer(node, shape, ""),)
    others = [key for key in REPLIES if key in keys and key != "answers"]
    if others:
        _conflict(node, [*others, "answers"], shape, "")
    listed = shape.items(keys["answers"], "answers")
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
        answers.append(_answer(_merged(item, under) if shared else item, shape, f"{path}."))
    return tuple(answers) or _NO_ANSWER


def _answer(node: Node, shape: _Shape, prefix: str) -> Answer:
    keys: dict[str, Node] = node.value
    responses: tuple[Node, ...] | None = None
    if "response" in keys:
        responses = (keys["response"],)
    given = [key for key in ("response", "responses", "script") if key in keys]
    if len(given) > 1 or ("script" in keys and "error" in keys):
        _conflict(node, [*given, *(["error"] if "error" in keys else [])], shape, prefix)
    if "responses" in keys:
        listed = shape.items(keys["responses"], f"{prefix}responses")
        responses = None if listed is None else tuple(listed)
    elif "interval" in keys and not prefix:
        where = node.key_location("interval")
        shape.error("'interval' is the pause between 'responses', and there are none.", where, "interval")
    script = keys.get("script")
    if script is not None and shape.items(script, f"{prefix}script") is None:
        script = None
    error = shape.mapping(keys["error"], f"{prefix}error") if "error" in keys else None
    if script is not None:
        # What can't stand beside it has been told of; it need not be told again when the answer is compiled.
        responses = error = None
    return Answer(
        responses=responses,
        error=error,
        script=script,
        interval=keys.get("interval"),
        headers=shape.mapping(keys["headers"], f"{prefix}headers") if "headers" in keys else None,
        trailers=shape.mapping(keys["trailers"], f"{prefix}trailers") if "trailers" in keys else None,
        delay=keys.get("delay"),
        fault=shape.mapping(keys["fault"], f"{prefix}fault") if "fault" in keys else None,
        set=shape.strings(keys["set"], f"{prefix}set") if "set" in keys else _EMPTY,
        location=Location(node.file, node.line),
    )


def _conflict(node: Node, given: Sequence[str], shape: _Shape, prefix: str) -> None:
    words = " and ".join(map(repr, given))
    hint = "Write the error as the last step, '- error: {…}'." if "script" in given and "error" in given else ""
    if "response" in given and "responses" in given:
        hint = "Write all messages into 'responses'."
    shape.error(f"{words} can't stand together: an answer is one of them.", node.key_location(given[-1]),
                f"{prefix}{given[-1]}", hint, "answer-conflict")  # fmt: skip


def _unknown_keys(node: Node, known: frozenset[str], shape: _Shape, what: str, path: str = "") -> None:
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


def _requests(node: Node, shape: _Shape) -> Node | None:
    if node.is_list or (node.is_mapping and all(str(key).startswith("$") for key in node.value)):
        return node
    what = "a mapping with a key that is no operator" if node.is_mapping else node.kind
    hint = "For all messages alike write {$each: {…}}." if node.is_mapping else ""
    message = f"expected a list of patterns, one for each message, or operators of a repeated field, not {what}."
    shape.error(message, node.location, "requests", hint)
    return None


def _when(node: Node, shape: _Shape) -> Node | None:
    return node if shape.text(node, "when") is not None else None


def _then(node: Node, shape: _Shape) -> str:
    if node.value in ("last", "cycle", "miss"):
        return str(node.value)
    hint = did_you_mean(str(node.value), ("last", "cycle", "miss"))
    shape.error(f"expected last, cycle or miss, not {shape.shown(node)}.", node.location, "then", hint)
    return "last"


def _verify(node: Node, shape: _Shape) -> Verify:
    if isinstance(node.value, bool):
        return Verify(enabled=node.value)
    if not node.is_mapping:
        shape.error(
            f"expected false or {{ignore, compare, response}}, not {shape.shown(node)}.", node.location, "verify"
        )
        return _VERIFY
    keys = node.value
    _unknown_keys(node, frozenset(("ignore", "compare", "response")), shape, "'verify'", "verify")
    ignored = shape.items(keys["ignore"], "verify.ignore") if "ignore" in keys else []
    ignore = [shape.text(item, f"verify.ignore[{number}]") for number, item in enumerate(ignored or [])]
    compare = keys.get("compare")
    if compare is not None and compare.value not in ("exact", "subset"):
        shape.error(f"expected exact or subset, not {shape.shown(compare)}.", compare.location, "verify.compare")
    exact = compare is not None and compare.value == "exact"
    ignored_paths = tuple(filter(None, ignore))
    return Verify(ignore=ignored_paths, compare="exact" if exact else "subset", response=keys.get("response"))


class _Shape:
    """Checks of single values; each notes what is wrong, and gives None then."""

    __slots__ = ("problems", "stub")

    def __init__(self, problems: Problems, stub: str) -> None:
        self.problems = problems
        self.stub = stub

    def error(self, message: str, at: Location, path: str, hint: str = "", rule: str = "stub-shape") -> None:
        self.problems.error(message, at, path, stub=self.stub, hint=hint, rule=rule)

    def text(self, node: Node, path: str) -> str | None:
        if isinstance(node.value, str) and node.value:
            return node.value
        hint = f'Quote it: "{node.value}".' if isinstance(node.value, (int, float)) else ""
        what = "an empty one" if node.value == "" else self.shown(node)
        self.error(f"expected a string, not {what}.", node.location, path, hint)
        return None

    def integer(self, node: Node, path: str, least: int | None = None) -> int | None:
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool) and (least is None or value >= least):
            return value
        bound = "" if least is None else f" from {least}"
        self.error(f"expected a whole number{bound}, not {self.shown(node)}.", node.location, path)
        return None

    def mapping(self, node: Node, path: str) -> Node | None:
        if node.is_mapping:
            return node
        self.error(f"expected a mapping, not {self.shown(node)}.", node.location, path)
        return None

    def items(self, node: Node, path: str) -> list[Node] | None:
        if node.is_list:
            listed: list[Node] = node.value
            return listed
        self.error(f"expected a list, not {self.shown(node)}.", node.location, path)
        return None

    def strings(self, node: Node, path: str) -> Mapping[str, str]:
        if self.mapping(node, path) is None:
            return {}
        found = {key: self.text(value, f"{path}.{key}") for key, value in node.value.items()}
        return {key: value for key, value in found.items() if value is not None}

    @staticmethod
    def shown(node: Node) -> str:
        return node.kind if node.is_mapping or node.is_list or node.value is None else f"{node.kind} {node.value!r:.60}"
