"""A JSON Schema of stub files, generated from the user's protos, so that an editor completes and checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.status import Code
from grpcmock.stubs import steps
from grpcmock.stubs.arguments import TEMPLATE, Schema
from grpcmock.stubs.json_types import Types
from grpcmock.stubs.json_words import FAULTS, KEYS, STEPS
from grpcmock.stubs.parser import ANSWER_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.operators import OperatorSyntax

_TEMPLATE: Schema = {"type": "string", "pattern": TEMPLATE}
_STRINGS: Schema = {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}


def for_registry(registry: Registry, operators: Iterable[OperatorSyntax]) -> Schema:
    """Return the schema of files of stubs for the methods of *registry*, in draft 2020-12.

    Under each method its own messages are completed and checked, in patterns with those of the *operators* that their
    types have; keys of a stub and steps are the same everywhere. Where a whole value may be a template, a string with
    ``{{`` or ``{%`` in it is let pass.
    """
    types = Types(registry, operators)
    methods = list(registry.methods.values())
    stub = {
        "type": "object",
        "properties": _stub_keys(types, methods, registry),
        "additionalProperties": False,
        "allOf": [_for_method(method, _spellings(method, registry), types) for method in methods],
    }
    item = {"$ref": "#/$defs/stub"}
    own = {key: _never(f"{key!r} is each stub's own.") for key in ("name", "each")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stubs for grpcmock",
        "description": "A list of stubs, or a mapping with defaults for them.",
        "type": ["array", "object", "null"],
        "items": {**item, "required": ["method"]},
        "properties": {
            "$schema": {"type": "string"},
            "defaults": {**_worded("defaults", item), "properties": own},
            "stubs": _worded("stubs", {"type": "array", "items": item}),
        },
        "required": ["stubs"],
        "additionalProperties": False,
        "$defs": {"stub": stub, **shared(), **types.defs},
    }


def for_stub(method: Method | None, registry: Registry, types: Types) -> Schema:
    """Return the schema of one stub: of the keys that all have, and, with a *method*, of what depends on that.

    What it refers to under ``$defs`` is in ``types.defs``, and in :func:`shared`.
    """
    properties: Schema = _stub_keys(types, [], registry)
    if method is not None:
        properties |= _for_method(method, [], types)["then"]["properties"]
    return {"type": "object", "properties": properties}


def _spellings(method: Method, registry: Registry) -> list[str]:
    """List the names that mean *method*: the full one first, then with a dot, then with less of the package."""
    parts = method.service.split(".")
    shorter = [".".join(parts[start:]) for start in range(1, len(parts))]
    meanings = [
        name for name in shorter if sum(full == name or full.endswith(f".{name}") for full in registry.services) == 1
    ]
    return [f"{name}{mark}{method.name}" for name in (method.service, *meanings) for mark in "/."]


def _worded(key: str, schema: Schema) -> Schema:
    return {**schema, "description": KEYS[key], "markdownDescription": KEYS[key]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _stub_keys(types: Types, methods: list[Method], registry: Registry) -> Schema:
    """Give the keys of a stub, as far as they are the same for all methods."""
    text: Schema = {"type": "string", "minLength": 1}
    kinds = [f"{types.comment(f'{method.service}.{method.name}')} ({method.kind.value})".lstrip() for method in methods]
    full = {"enum": [method.full_name for method in methods], "enumDescriptions": kinds}
    others = {"enum": [name for method in methods for name in _spellings(method, registry)[1:]]}
    verify = {
        "type": "object",
        "properties": {
            "ignore": {"type": "array", "items": {"type": "string"}, "description": "Paths of fields to leave out."},
            "compare": {"enum": ["exact", "subset"]},
            "response": {"description": "A pattern for each response: of the fields it names, in place of the answer."},
        },
        "additionalProperties": False,
    }
    keys: Schema = {
        "name": text,
        "method": {"anyOf": [full, others, _TEMPLATE]},
        "priority": {"type": ["integer", "string"], "pattern": TEMPLATE},
        "metadata": {
            "type": "object",
            "patternProperties": {"-bin$": {"anyOf": [types.scalar_pattern("bytes"), _PACKED]}},
            "additionalProperties": types.scalar_pattern("string"),
        },
        "deadline": types.scalar_pattern("double"),
        "when": text,
        "state": _STRINGS,
        "times": {"type": ["integer", "string"], "pattern": TEMPLATE, "minimum": 1},
        "given": text,
        "each": {"type": ["array", "string"], "items": {"type": "object"}, "pattern": r"\.(csv|json|jsonl|ndjson)$"},
        "verify": {"anyOf": [{"type": "boolean"}, verify]},
        "answers": {"type": "array", "minItems": 1},
        "then": {"enum": ["last", "cycle", "miss"], "default": "last"},
        "script": {"type": "array"},
        "request": {},
        "requests": {"type": ["array", "object"]},
        "response": {},
        "responses": {"type": "array"},
        **_with_answer(),
    }
    return {key: _worded(key, schema) for key, schema in keys.items()}


def _with_answer() -> Schema:
    return {
        "error": _ref("error"),
        "headers": _ref("metadata"),
        "trailers": _ref("metadata"),
        "delay": _ref("delay"),
        "interval": _ref("delay"),
        "set": _STRINGS,
        "fault": _ref("fault"),
    }


def _for_method(method: Method, names: list[str], types: Types) -> Schema:
    """Say what holds where ``method`` is this one."""
    request, response = types.pattern(method.input), types.message(method.output)
    script = _steps(method, request, response, types)
    single = {
        "response": response,
        "responses": {"items": response},
        "script": script,
    }
    if not method.kind.server_streams:
        one = f"{method.name} answers with one message: write 'response'."
        single |= {"responses": _never(one), "interval": _never(one)}
    base = {key: schema for key, schema in _with_answer().items() if key not in single}
    answer = {
        "type": "object",
        "properties": {key: _described(key, schema) for key, schema in (base | single).items()},
        "additionalProperties": False,
        **_conflicts(ANSWER_KEYS),
    }
    own = {
        **single,
        "request": request,
        "requests": types.list_pattern(method.input)
        if method.kind.client_streams
        else _never(f"{method.name} takes one message: write 'request'."),
        "answers": {"items": answer},
        "verify": {"properties": {"response": types.pattern(method.output)}},
    }
    return {
        "if": {"properties": {"method": {"enum": names}}, "required": ["method"]},
        "then": {
            "properties": {key: _described(key, schema) for key, schema in own.items()},
            **_conflicts((*ANSWER_KEYS, "answers")),
        },
    }


def _described(key: str, schema: Schema) -> Schema:
    return schema if "not" in schema else _worded(key, schema)


def _never(reason: str) -> Schema:
    """Give a schema that nothing fits, and that says why. The last two keywords are those of VS Code's editors."""
    return {"not": {}, "description": reason, "errorMessage": reason, "doNotSuggest": True}


def _conflicts(keys: Iterable[str]) -> Schema:
    """Say that an answer is one of its kinds."""
    alone = {"response": ["responses"], "script": ["response", "responses", "error"]}
    if "answers" in keys:
        alone["answers"] = ["response", "responses", "error", "script"]
    refused = {
        key: {"properties": {other: _never(f"{other!r} can't stand with {key!r}.") for other in others}}
        for key, others in alone.items()
    }
    return {"dependentSchemas": refused}


def _steps(method: Method, request: Schema, response: Schema, types: Types) -> Schema:
    """Give the schema of a script's steps, each with the messages of the method."""
    name = f"steps:{method.full_name.replace('/', '.')}"
    finish: Schema = {"type": ["object", "null", "boolean"]}
    arm = {
        steps.REQUEST: request,
        steps.WAIT: {"anyOf": [{"const": steps.FOREVER}, _ref("delay")]},
        steps.SEND: {"anyOf": [response, {"type": "array", "items": response}]},
        steps.ERROR: _ref("error"),
        steps.FINISH: finish,
        steps.NESTED: _ref(name),
    }
    repeat = {
        steps.TIMES: {"anyOf": [{"type": "integer", "minimum": 0}, {"const": steps.FOREVER}, _TEMPLATE]},
        steps.EVERY: _ref("delay"),
        steps.NESTED: _ref(name),
    }
    step = {
        steps.EXPECT: request,
        steps.SEND: response,
        steps.WAIT: {"anyOf": [{"const": steps.FOREVER}, _ref("delay")]},
        steps.HEADERS: _ref("metadata"),
        steps.HALF_CLOSE: {"type": ["null", "boolean"]},
        steps.ON: {"type": "array", "minItems": 1, "items": _closed(arm)},
        steps.UNTIL: {"anyOf": [{"const": steps.HALF_CLOSE}, request]},
        steps.REPEAT: {**_closed(repeat), "required": [steps.NESTED]},
        steps.ERROR: _ref("error"),
        steps.FINISH: finish,
    }
    mapping = {
        **_closed({key: {**schema, "description": STEPS[key]} for key, schema in step.items()}),
        "minProperties": 1,
        "if": {"required": [steps.ON]},
        "then": {"propertyNames": {"enum": [steps.ON, steps.UNTIL]}},
        "else": {"maxProperties": 1},
    }
    types.defs[name] = {"type": "array", "items": {"anyOf": [{"enum": list(steps.BARE)}, mapping]}}
    return _ref(name)


def _closed(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def shared() -> Schema:
    """Return the parts that all methods share, as they are named under ``$defs``."""
    return {"error": _error(), "delay": _delay(), "fault": _fault(), "metadata": _metadata()}


_CODE: Schema = {
    "anyOf": [
        {"enum": [code.name for code in Code if code is not Code.OK]},
        {"type": "integer", "minimum": 1, "maximum": 16},
        _TEMPLATE,
    ]
}


def _error() -> Schema:
    detail = {
        "type": ["object", "string"],
        "pattern": TEMPLATE,
        "properties": {"@type": {"type": "string", "examples": _DETAILS}},
        "required": ["@type"],
    }
    error = {
        "code": {**_CODE, "description": "The status code, by name or number."},
        "message": {"type": "string", "description": "The status message."},
        "details": {
            "type": "array",
            "items": detail,
            "description": "Messages with an `@type`, sent as google.rpc.Status.",
        },
        "trailers": _worded("trailers", _ref("metadata")),
    }
    return {**_closed(error), "required": ["code"]}


def _delay() -> Schema:
    """Return the schema of a fixed time, of one drawn between two, or from a distribution by its median."""
    duration = {"type": "string", "pattern": rf"^([0-9]+(\.[0-9]+)?|\.[0-9]+)\s*(us|µs|ms|s|m|min|h)$|^0$|{TEMPLATE}"}
    number = {"type": ["number", "string"]}
    return {
        "anyOf": [
            {**duration, "examples": ["200ms", "1.5s"]},
            {**_closed({"min": duration, "max": duration}), "required": ["min", "max"]},
            {**_closed({"median": duration, "sigma": number}), "required": ["median", "sigma"]},
            {"const": 0},
        ]
    }


def _fault() -> Schema:
    faults: Schema = {
        "abort": _CODE,
        "hang": {"type": "boolean"},
        "drip": _ref("delay"),
        "garbage": {"type": ["integer", "string"]},
        "truncate": {"type": "boolean"},
        "reset": {"type": "boolean"},
        "oversize": {"type": ["integer", "string"]},
        "extra_messages": {"type": "integer", "minimum": 1},
        "drop_trailers": {"type": "boolean"},
        "rate": {"type": "number", "minimum": 0, "maximum": 1},
    }
    worded = {key: {**schema, "description": FAULTS[key]} for key, schema in faults.items()}
    return {**_closed(worded), "minProperties": 1}


def _metadata() -> Schema:
    value: Schema = {"type": ["string", "number", "boolean"]}
    binary = {"anyOf": [value, _PACKED, {"type": "array", "items": {"anyOf": [value, _PACKED]}}]}
    return {
        "type": "object",
        "propertyNames": {"pattern": "^[0-9a-z_.-]+$"},
        "patternProperties": {"-bin$": binary},
        "additionalProperties": {"anyOf": [value, {"type": "array", "items": value}]},
    }


_DETAILS = [
    f"type.googleapis.com/google.rpc.{name}"
    for name in (
        "BadRequest",
        "ErrorInfo",
        "RetryInfo",
        "DebugInfo",
        "QuotaFailure",
        "PreconditionFailure",
        "RequestInfo",
        "ResourceInfo",
        "Help",
        "LocalizedMessage",
    )
]

_PACKED = {"type": "object", "properties": {"@type": {"type": "string", "examples": _DETAILS}}, "required": ["@type"]}
"""A message as the value of metadata whose key ends in ``-bin``."""
