"""Templates in double braces as WireMock, Microcks and mockd have them, in the words of Jinja."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from grpcmock.importers import jsonpath
from grpcmock.importers.go_templates import Untranslatable
from grpcmock.stubs.dump import literals

Translate = Callable[[str], str]
"""Writes what stands between the braces. Raises :class:`Untranslatable`."""

_ACTION = re.compile(r"\{\{\{?\s*(.*?)\s*\}?\}\}", re.DOTALL)
_WORD = re.compile(r"""'[^']*'|"[^"]*"|\([^()]*\)|[^\s()]+""")
_OMITTED = object()


def rendered(value: Any, translate: Translate, warn: Callable[[str], None]) -> Any:
    """Write all templates in a value; a field whose template has no counterpart is left out, with a warning."""
    found = _rendered(value, translate, warn)
    return {} if found is _OMITTED else found


def _rendered(value: Any, translate: Translate, warn: Callable[[str], None]) -> Any:
    if isinstance(value, dict):
        made = {key: _rendered(one, translate, warn) for key, one in value.items()}
        return {key: one for key, one in made.items() if one is not _OMITTED}
    if isinstance(value, list):
        return [one for one in (_rendered(one, translate, warn) for one in value) if one is not _OMITTED]
    if not isinstance(value, str) or "{{" not in value:
        return literals(value)
    try:
        return text(value, translate)
    except Untranslatable as reason:
        warn(f"the template {value!r} is left out: there is no counterpart to {reason}.")
        return _OMITTED


def text(template: str, translate: Translate) -> str:
    """Write one template. Raises :class:`Untranslatable`."""
    return _ACTION.sub(lambda found: _one(found[1], translate), template)


def _one(inside: str, translate: Translate) -> str:
    if inside[:1] in ("#", "/", "^", ">", "!") or inside == "else":
        raise Untranslatable(f"`{{{{{inside}}}}}`")
    return f"{{{{ {translate(inside)} }}}}"


def wiremock(inside: str) -> str:
    """Write one expression of WireMock."""
    words = _WORD.findall(inside)
    if not words:
        raise Untranslatable("an empty expression")
    name, *rest = words
    options = {key: _unquoted(value) for key, _, value in (word.partition("=") for word in rest) if value}
    arguments = [word for word in rest if "=" not in word or word[0] in "'\"("]
    if not rest:
        return _of_request(name)
    match name:
        case "jsonPath" if arguments[0] == "request.body":
            made = path_in_request(_unquoted(arguments[1]))
            return f'{made} | default("{options["default"]}", true)' if "default" in options else made
        case "randomValue" if options.get("type") == "UUID":
            return "uuid()"
        case "randomValue" if options.get("length", "").isdigit():
            made = f"random.string({options['length']})"
            if options.get("type") == "NUMERIC":
                made = f'random.string({options["length"]}, alphabet="0123456789")'
            return f"{made} | upper" if options.get("uppercase") == "true" else made
        case "randomInt" | "randomDecimal":
            low, high = options.get("lower", "0"), options.get("upper", "2147483647")
            return f"random.int({low}, {high} - 1)" if name == "randomInt" else f"random.float({low}, {high})"
        case "now" if set(options) <= {"offset"} and (made := _now(options.get("offset", ""))):
            return made
        case "capitalize" | "upper" | "lower" | "trim" if len(arguments) == 1:
            return f"{_operand(arguments[0])} | {name if name != 'capitalize' else 'title'}"
        case "lookup" if arguments[0] == "request.headers":
            return f'metadata["{_unquoted(arguments[1]).lower()}"]'
        case "math" if len(arguments) == 3 and arguments[1].strip("'\"") in ("+", "-", "*", "/", "%"):
            return f"{_operand(arguments[0])} {_unquoted(arguments[1])} {_operand(arguments[2])}"
    raise Untranslatable(f"the helper `{name}`")


def _of_request(name: str) -> str:
    header = re.fullmatch(r"request\.headers\.(?:\[?([\w-]+)\]?)(?:\.\[?0\]?)?", name)
    if header:
        return f'metadata["{header[1].lower()}"]'
    if name == "now":
        return "now()"
    if name == "request.body":
        return "request | tojson"
    raise Untranslatable(f"`{name}`")


def _operand(word: str) -> str:
    if word.startswith("("):
        return f"({wiremock(word[1:-1])})"
    if word[0] in "'\"":
        return '"' + _unquoted(word) + '"'
    return word if re.fullmatch(r"-?[\d.]+", word) else _of_request(word)


def _now(offset: str) -> str:
    if not offset:
        return "now()"
    parts = re.fullmatch(r"(-?\d+)\s+(second|minute|hour|day|week)s?", offset)
    return f"now({parts[2]}s={parts[1]})" if parts else ""


def _unquoted(word: str) -> str:
    return word[1:-1] if word[:1] in ("'", '"') else word


def path_in_request(expression: str, request: str = "request") -> str:
    """Write a JSONPath into the request as an expression. Raises :class:`Untranslatable`."""
    try:
        steps = jsonpath.parse(expression)
    except jsonpath.Unsayable as reason:
        raise Untranslatable(str(reason)) from None
    made = request
    for step in steps:
        if step.size:
            made = f"{made} | length"
        elif step.index is not None:
            made += f"[{step.index}]"
        elif step.filter is not None:
            raise Untranslatable(f"several values, as {expression!r} gives")
        else:
            made += f".{snake(step.name)}"
    return made


def snake(name: str) -> str:
    """Write a field's name in JSON as the proto has it."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


def microcks(inside: str) -> str:
    """Write one expression of Microcks."""
    if inside.startswith("request.body/"):
        return "request." + ".".join(map(snake, inside.removeprefix("request.body/").split("/")))
    header = re.fullmatch(r"request\.headers\[([\w-]+)\]", inside)
    if header:
        return f'metadata["{header[1].lower()}"]'
    match re.fullmatch(r"(\w+)\(\s*(.*?)\s*\)", inside):
        case None:
            raise Untranslatable(f"`{inside}`")
        case found:
            return _function(found[1], found[2])


def _function(name: str, arguments: str) -> str:
    match name:
        case "uuid" | "guid" | "randomUUID":
            return "uuid()"
        case "now" if not arguments:
            return "now()"
        case "randomInt" if re.fullmatch(r"-?\d+\s*,\s*-?\d+", arguments):
            return f"random.int({arguments})"
        case "randomInt" if re.fullmatch(r"\d*", arguments):
            return f"random.int(0, {arguments or '2147483647'})"
        case "randomBoolean":
            return "random.bool()"
        case "randomString" if re.fullmatch(r"\d*", arguments):
            return f"random.string({arguments or 32})"
        case "randomValue" if arguments:
            return f"random.choice([{', '.join(_quoted(one) for one in arguments.split(','))}])"
        case _ if name in _MICROCKS_FAKES:
            return f"fake.{_MICROCKS_FAKES[name]}()"
    raise Untranslatable(f"the function `{name}({arguments})`")


def _quoted(word: str) -> str:
    return '"' + word.strip().strip("'\"") + '"'


_MICROCKS_FAKES = {
    "randomFirstName": "first_name",
    "randomLastName": "last_name",
    "randomFullName": "name",
    "randomEmail": "email",
    "randomPhoneNumber": "phone_number",
    "randomCity": "city",
    "randomStreetName": "street_name",
    "randomStreetAddress": "street_address",
    "randomCountry": "country",
    "randomCountryCode": "country_code",
}


def mockd(inside: str) -> str:
    """Write one expression of mockd."""
    match inside:
        case "uuid" | "uuid.v4":
            return "uuid()"
        case "now":
            return "now()"
        case "timestamp":
            return "now().timestamp() | int"
    field = re.fullmatch(r"request\.(?:body\.)?([\w.]+)", inside)
    if field:
        return "request." + ".".join(map(snake, field[1].split(".")))
    meta = re.fullmatch(r"(?:request\.)?(?:metadata|header|headers)\.([\w-]+)", inside)
    if meta:
        return f'metadata["{meta[1].lower()}"]'
    number = re.fullmatch(r"random\.int\((-?\d+),\s*(-?\d+)\)", inside)
    if number:
        return f"random.int({number[1]}, {number[2]})"
    raise Untranslatable(f"`{inside}`")
