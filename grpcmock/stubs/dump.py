"""From stubs back to the format: what is dumped here and parsed again gives equal stubs."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

from grpcmock.errors import Problems
from grpcmock.stubs.model import Answer, Verify
from grpcmock.stubs.parser import MATCHING
from grpcmock.stubs.scalars import plain_scalar
from grpcmock.stubs.template import is_template
from grpcmock.tree import Attached, Node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.stubs.model import Stub

_ANSWER_NODES = ("error", "script", "interval", "headers", "trailers", "delay", "fault")


def to_yaml(stubs: Iterable[Stub]) -> str:
    """Write *stubs* as one YAML file."""
    return plain_yaml(map(to_plain, stubs))


def plain_yaml(stubs: Iterable[dict[str, Any]]) -> str:
    """Write stubs in plain values, as :func:`to_plain` gives them, as one YAML file."""
    blocks = [_Block(stub) for stub in stubs]
    return yaml.dump(blocks, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


class _Block(dict[str, Any]):
    """A mapping that is written with a line for each key, even if all its values are short."""


def to_plain(stub: Stub) -> dict[str, Any]:
    """Give a stub as the format writes it: a mapping of plain values, without keys that say nothing.

    A stub that was a row of ``each`` becomes one with a table of this row alone. Raises :class:`StubError` for a stub
    with a function in it, which the format can't say.
    """
    _refuse_functions(stub)
    of_row = stub.row is not None
    keys: dict[str, Any] = {"name": _literal(stub.name) if of_row else stub.name, "method": stub.method}
    if stub.priority:
        keys["priority"] = stub.priority
    if of_row:
        keys["each"] = [plain_value(stub.row)]
    for key in MATCHING:
        value = getattr(stub, key)
        if value is not None and not (key == "state" and not value):
            keys[key] = plain_value(value)
    if len(stub.answers) == 1 and stub.then == "last":
        keys |= _answer(stub.answers[0])
    else:
        keys["answers"] = [_answer(answer) for answer in stub.answers]
        keys["then"] = stub.then
    if stub.verify != Verify():
        keys["verify"] = _verify(stub.verify)
    if of_row:
        # These were rendered when the table was read; what still looks like a template there means itself.
        for key in ("method", *MATCHING, "verify"):
            if key in keys:
                keys[key] = literals(keys[key])
    return keys


def _refuse_functions(stub: Stub) -> None:
    functions = {"where": stub.where, "handler": next((answer.handler for answer in stub.answers), None)}
    problems = Problems()
    for key, function in functions.items():
        if function is not None:
            text = f"a stub with a Python function ({function}) can't be written as YAML."
            problems.error(text, stub.location, key, stub=stub.name, rule="function")
    problems.raise_errors()


def plain_value(value: Any) -> Any:
    """Give a node, or a value in Python, as YAML can hold it: bytes as base64, messages as ProtoJSON."""
    if isinstance(value, Node):
        value = value.value
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _key(key): plain_value(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(child) for child in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Attached):
        with suppress(UnicodeDecodeError):
            return {"$text": value.decode()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if hasattr(value, "DESCRIPTOR"):
        from grpcmock.schema import codec

        return codec.to_tree(value)
    return str(value)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _answer(answer: Answer) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if answer.responses is not None:
        responses = [_response(response) for response in answer.responses]
        keys |= {"response": responses[0]} if len(responses) == 1 and not answer.interval else {"responses": responses}
    for key in _ANSWER_NODES:
        node = getattr(answer, key)
        if node is not None:
            keys[key] = plain_value(node)
    if answer.set:
        keys["set"] = dict(answer.set)
    return keys


def _response(node: Node) -> Any:
    # The text of a message means itself, whatever it looks like.
    return literals(plain_value(node)) if hasattr(node.value, "DESCRIPTOR") else plain_value(node)


def _verify(verify: Verify) -> Any:
    if not verify.enabled:
        return False
    keys: dict[str, Any] = {"ignore": list(verify.ignore)} if verify.ignore else {}
    if verify.compare == "exact":
        keys["compare"] = verify.compare
    if verify.response is not None:
        keys["response"] = plain_value(verify.response)
    return keys


def literals(value: Any) -> Any:
    """Write each text in a plain value so that it means itself, whatever it looks like."""
    if isinstance(value, dict):
        return {literals(key): literals(child) for key, child in value.items()}
    if isinstance(value, list):
        return [literals(child) for child in value]
    return _literal(value) if is_template(value) else value


def _literal(text: str) -> str:
    """Write a template that gives just *text*."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    # The marks are broken up, since the lexer looks for the end of an expression before it looks at strings.
    return '{{ "' + re.sub(r"([{}%#\r\n-])", lambda found: f"\\x{ord(found[1]):02x}", escaped) + '" }}'


def _dumper() -> type[Any]:
    try:
        from yaml import CSafeDumper as Base
    except ImportError:
        from yaml import SafeDumper as Base  # type: ignore[assignment]

    class Dumper(Base):
        """Quotes each string that YAML 1.2, or a reader of YAML 1.1, would take for something else."""

        def ignore_aliases(self, _: Any) -> bool:
            return True

    def string(dumper: Any, text: str) -> Any:
        if "\n" in text:
            return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")  # quoted, where that can't be
        style = "'" if not isinstance(plain_scalar(text[:400]), str) or text == "<<" or "{{" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def block(dumper: Any, mapping: Any) -> Any:
        return dumper.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=False)

    Dumper.add_representer(str, string)
    Dumper.add_representer(_Block, block)
    return Dumper
