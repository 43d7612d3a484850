"""Templates of Go, as GripMock and grpc-ditto write them, in the words of Jinja."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.importers.fakers import FAKERS, layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)|(?P<field>(?:\$\w*)?(?:\.\w+)+|\.)"""
    r"""|(?P<variable>\$\w+)|(?P<word>\w+)|(?P<mark>[()|]|:=))"""
)
_ACTION = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)


class Untranslatable(Exception):  # noqa: N818 - a finding, told as a warning
    """Something that has no counterpart; the text names it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the variables of a template stand for, where it is used."""

    request: str = "request"
    """The message that ``.Request`` is."""

    index: str = "0"
    """``.MessageIndex``."""

    count: int = 0
    """How many messages there are in ``.Requests``, where that is known."""

    constants: Mapping[str, str] | None = None
    """Further variables, such as ``.StubID``, as expressions."""


def is_template(text: str) -> bool:
    """Whether a text holds an action."""
    return "{{" in text and "}}" in text


def translate(text: str, scope: Scope) -> str:
    """Write a Go template as one of Jinja. Raises :class:`Untranslatable`."""
    blocks: list[str] = []

    def action(found: re.Match[str]) -> str:
        left, inside, right = found[1], found[2], found[3]
        if inside.startswith("/*"):
            return ""
        return _action(inside, blocks, scope).replace("{%", "{%" + left, 1).replace("%}", right + "%}")

    made = _ACTION.sub(action, text)
    if blocks:
        raise Untranslatable(f"{{{{{blocks[-1]}}}}} has no end")
    return made


def _action(inside: str, blocks: list[str], scope: Scope) -> str:
    word, _, rest = inside.partition(" ")
    match word:
        case "if":
            blocks.append("if")
            return f"{{% if {_expression(rest, scope)} %}}"
        case "else":
            return f"{{% elif {_expression(rest.removeprefix('if '), scope)} %}}" if rest else "{% else %}"
        case "end":
            if not blocks:
                raise Untranslatable("there is an {{end}} too many")
            return f"{{% end{blocks.pop()} %}}"
        case "range":
            names = re.match(r"\$(\w+)(?:\s*,\s*\$(\w+))?\s*:=\s*(.*)", rest)
            if names is None or names[2] is None:
                raise Untranslatable("`range` without `$index, $item :=`")
            blocks.append("for")
            return f"{{% for {names[2]} in {_expression(names[3], scope)} %}}"
    if word in ("with", "block", "define", "template", "break", "continue"):
        raise Untranslatable(f"`{word}`")
    assigned = re.match(r"\$(\w+)\s*:?=\s*(.*)", inside)
    if assigned:
        return f"{{% set {assigned[1]} = {_expression(assigned[2], scope)} %}}"
    return f"{{{{ {_expression(inside, scope)} }}}}"


def _expression(text: str, scope: Scope) -> str:
    parser = _Parser(text, scope)
    made = parser.pipeline()
    if parser.tokens:
        raise Untranslatable(f"`{parser.tokens[0][1]}` in {text!r}")
    return made


class _Parser:
    """One expression: commands with their arguments, joined by bars."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.scope = scope
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if found is None:
                raise Untranslatable(f"{text[position:].strip()!r}")
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            # A selector right behind a parenthesis belongs to it.
            if found.lastgroup == "field" and text[found.start("field") - 1 : found.start("field")] == ")":
                self.tokens[-1] = ("selector", found["field"])
            position = found.end()

    def pipeline(self) -> str:
        piped: list[str] = []
        while True:
            piped = [self._command(piped)]
            if not self.tokens or self.tokens[0][1] != "|":
                return piped[0]
            self.tokens.pop(0)

    def _command(self, piped: Sequence[str]) -> str:
        if not self.tokens:
            raise Untranslatable("an empty expression")
        kind, text = self.tokens[0]
        if kind == "word" and text not in ("true", "false", "nil"):
            self.tokens.pop(0)
            if self.tokens and self.tokens[0][0] == "field" and text == "faker":
                text += self.tokens.pop(0)[1]
            return call(text, [*self._arguments(), *piped], self.scope)
        operand = self._operand()
        if self._arguments() or piped:
            raise Untranslatable(f"arguments behind {text!r}")
        return operand

    def _arguments(self) -> list[str]:
        found = []
        while self.tokens and self.tokens[0][1] not in (")", "|"):
            found.append(self._operand())
        return found

    def _operand(self) -> str:
        kind, text = self.tokens.pop(0)
        match kind:
            case "text":
                inner = text[1:-1] if text[0] == "`" else text[1:-1].replace('\\"', '"')
                made = '"' + inner.replace("\\\\", "\\").replace("\\", "\\\\").replace('"', '\\"') + '"'
            case "number":
                made = text
            case "field":
                made = self._field(text)
            case "variable":
                made = text[1:]
            case "word" if text in ("true", "false", "nil"):
                made = {"nil": "none"}.get(text, text)
            case "word":
                if self.tokens and self.tokens[0][0] == "field" and text == "faker":
                    text += self.tokens.pop(0)[1]
                made = call(text, [], self.scope)
            case "mark" if text == "(":
                made = _term(self.pipeline())
                if not self.tokens or self.tokens.pop(0)[1] != ")":
                    raise Untranslatable("a parenthesis that isn't closed")
            case _:
                raise Untranslatable(f"`{text}`")
        while self.tokens and self.tokens[0][0] == "selector":
            made += self.tokens.pop(0)[1]
        return made

    def _field(self, text: str) -> str:
        variable, *path = text.split(".")
        if variable.strip("$"):
            return ".".join([variable[1:], *path])
        name, *rest = path
        scope = self.scope
        constants = scope.constants or {}
        match name:
            case "Request":
                return ".".join([scope.request, *rest])
            case "Requests" if not rest:
                return "requests"
            case "Headers":
                return f'metadata["{rest[0].lower()}"]' if len(rest) == 1 else "metadata"
            case "MessageIndex":
                return scope.index
            case "AttemptNumber" | "AttemptIndex":
                return "call.count"
            case "RequestTime" | "Timestamp":
                return "now()"
            case _ if name in constants:
                return constants[name]
        raise Untranslatable(f"`.{name}`" if name else "`.`")


def call(name: str, arguments: Sequence[str], scope: Scope) -> str:
    """Write the call of a function. Raises :class:`Untranslatable`."""
    if name in FAKERS:
        return FAKERS[name](*arguments) if callable(FAKERS[name]) else str(FAKERS[name])
    function = _FUNCTIONS.get(name)
    if name in _VARIADIC:
        return _variadic(name, list(arguments), scope)
    if function is None:
        raise Untranslatable(f"the function `{name}`")
    try:
        return function(*arguments)
    except TypeError:
        raise Untranslatable(f"`{name}` with {len(arguments)} arguments") from None


def _extract(messages: str, field: str) -> str:
    return f"{messages} | map(attribute={field}) | list"


def _format(*arguments: str) -> str:
    pattern, time = arguments
    return f"{time}.strftime({layout(pattern)})"


def _sprintf(pattern: str, *values: str) -> str:
    return f"{pattern.replace('%v', '%s')} | format({', '.join(values)})"


def _index(of: str, *keys: str) -> str:
    if re.fullmatch(r"\d+", of) and len(keys) == 1:  # `x | index 1` hands the list on as the last argument
        of, keys = keys[0], (of,)
    for key in keys:
        of = f"{of}[{key.lower() if of == 'metadata' else key}]"
    return of


def _div(one: str, other: str) -> str:
    """Divide; by zero it gives zero."""
    if re.fullmatch(r"[\d.]*[1-9][\d.]*", other):
        return f"{_term(one)} / {other}"
    return f"{_term(one)} / {_term(other)} if {_term(other)} else 0"


def _compared(sign: str) -> Callable[[str, str], str]:
    return lambda one, other: f"{_term(one)} {sign} {_term(other)}"


_SIMPLE = re.compile(r"""[\w.]+(\(\))?([.\[\]\w]|\["[^"]*"\]|\.split\("[^"]*"\))*|"[^"\\]*"|-?[\d.]+""")


def _term(text: str) -> str:
    """Give an expression as one operand of another: in parentheses, unless it needs none."""
    return text if _SIMPLE.fullmatch(text) or _is_enclosed(text) else f"({text})"


def _is_enclosed(text: str) -> bool:
    """Whether one pair of parentheses holds all of a text."""
    depth = 0
    for position, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return char == ")" and position == len(text) - 1
    return False


_FUNCTIONS: Mapping[str, Callable[..., str]] = {
    "upper": lambda text: f"{text} | upper",
    "lower": lambda text: f"{text} | lower",
    "title": lambda text: f"{text} | title",
    "split": lambda one, other: (
        f"{_term(other if one.startswith(chr(34)) else one)}.split({one if one.startswith(chr(34)) else other})"
    ),
    "join": lambda items, separator: f"{items} | join({separator})",
    "len": lambda items: f"{items} | length",
    "index": _index,
    "extract": _extract,
    "add": lambda one, other: f"{_term(one)} + {_term(other)}",
    "sub": lambda one, other: f"{_term(one)} - {_term(other)}",
    "div": _div,
    "mod": lambda one, other: f"{_term(one)} % {_term(other)}",
    "eq": _compared("=="),
    "ne": _compared("!="),
    "gt": _compared(">"),
    "gte": _compared(">="),
    "ge": _compared(">="),
    "lt": _compared("<"),
    "lte": _compared("<="),
    "le": _compared("<="),
    "and": lambda *all_: " and ".join(map(_term, all_)),
    "or": lambda *any_: " or ".join(map(_term, any_)),
    "not": lambda one: f"not {_term(one)}",
    "int": lambda number: f"{_term(number)} | int",
    "int64": lambda number: f"{_term(number)} | int",
    "float": lambda number: f"{_term(number)} | float",
    "decimal": lambda number: f"{_term(number)} | float",
    "round": lambda number: f"{_term(number)} | round | int",
    "floor": lambda number: f"({_term(number)} // 1) | int",
    "ceil": lambda number: f"-(-{_term(number)} // 1) | int",
    "now": lambda: "now()",
    "unix": lambda time: f"{time}.timestamp() | int",
    "format": _format,
    "json": lambda value: f"{value} | tojson",
    "str": lambda value: f"{value} | string",
    "string": lambda value: f"{value} | string",
    "print": lambda value: f"{value}",
    "sprintf": _sprintf,
    "printf": _sprintf,
    "uuid": lambda: "uuid()",
    "string2base64": lambda text: f"{text} | b64encode",
    "bytes2base64": lambda text: f"{text} | b64encode",
    "bytes": lambda text: f"{text} | b64encode",
}

_VARIADIC = {"sum": "sum", "min": "min", "max": "max", "avg": "", "mul": ""}


def _variadic(name: str, arguments: list[str], scope: Scope) -> str:
    """Write what takes numbers or one list of them."""
    if name == "mul":
        return " * ".join(map(_term, _factors(arguments, scope)))
    items = arguments[0] if len(arguments) == 1 else f"[{', '.join(arguments)}]"
    if name == "avg":
        return f"({items} | sum) / ({items} | length)"
    return f"{items} | {name}"


def _factors(arguments: list[str], scope: Scope) -> list[str]:
    if len(arguments) > 1:
        return arguments
    extracted = re.fullmatch(r"\(?requests \| map\(attribute=\"(\w+)\"\) \| list\)?", arguments[0])
    if extracted is None or not scope.count:
        raise Untranslatable("`mul` of a list of any length")
    return [f"requests[{index}].{extracted[1]}" for index in range(scope.count)]
