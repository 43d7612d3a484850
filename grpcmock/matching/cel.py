"""CEL expressions of ``when``, compiled and type-checked at load by Google's cel-expr-python (extra ``cel``)."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from grpcmock.errors import MissingExtraError
from grpcmock.matching.paths import Stage
from grpcmock.schema.values import describe

if TYPE_CHECKING:
    from grpcmock.errors import Problems
    from grpcmock.matching.call_context import CallContext
    from grpcmock.schema import Method, Registry
    from grpcmock.tree import Node

_VARIABLES = {
    Stage.OPEN: ("metadata", "deadline"),
    Stage.FIRST: ("metadata", "deadline", "request"),
    Stage.ALL: ("metadata", "deadline", "request", "requests"),
}
_WORDS = re.compile(r"[A-Za-z_]\w*")
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")


class When:
    """A compiled ``when``."""

    __slots__ = ("_program", "_text", "_unlimited", "_variables", "stage")

    def __init__(self, text: str, stage: Stage, program: Any, unlimited: Any) -> None:
        self._text = text
        self.stage = stage
        """What must be known of a call for the variables that the expression uses."""

        self._program = program
        self._unlimited = unlimited
        """The same for a call without a deadline, whose ``deadline`` is null."""

        words = set(_WORDS.findall(text))
        self._variables = tuple(name for name in _VARIABLES[stage] if name in words)

    @property
    def text(self) -> str:
        return self._text

    def holds(self, context: CallContext) -> bool:
        """Whether the expression is true; one that fails, such as by an index out of range, is not."""
        return self.value(context) is True

    def value(self, context: CallContext) -> object:
        """Give the value of the expression; of one that fails, the reason as a string."""
        data = {name: value for name in self._variables if (value := _variable(name, context)) is not _MISSING}
        program = self._program if context.deadline is not None else self._unlimited
        try:
            found: object = program.eval(data=data).value()
            return found if isinstance(found, bool) else str(found)
        except (RuntimeError, ValueError, TypeError) as error:
            return str(error)


_MISSING = object()


def _variable(name: str, context: CallContext) -> Any:
    if name == "request":
        return _MISSING if context.request is None else context.request
    if name == "requests":
        # Where the client sends one message, it is all of them.
        return list(context.requests if context.requests is not None else [context.request] if context.request else [])
    if name == "deadline":
        return None if context.deadline is None else timedelta(seconds=min(context.deadline, 10**9))
    return {key: [_text(value) for value in values] for key, values in context.metadata.items()}


def _text(value: str | bytes) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


class _Environments:
    """The environments of one method's requests: by stage, with and without a deadline."""

    def __init__(self, method: Method, registry: Registry) -> None:
        from cel_expr_python import cel

        type_ = cel.Type(method.input.full_name)
        types = {
            "metadata": cel.Type.Map(cel.Type.STRING, cel.Type.List(cel.Type.STRING)),
            "request": type_,
            "requests": cel.Type.List(type_),
        }
        container = method.descriptor.containing_service.file.package

        def environment(stage: Stage, deadline: Any) -> Any:
            names = {name: types.get(name, deadline) for name in _VARIABLES[stage]}
            return cel.NewEnv(descriptor_pool=registry.pool, variables=names, container=container)

        # With a deadline its type is checked; null has no place in that type, so there is a second one for it.
        self.by_stage = {stage: environment(stage, cel.Type.DURATION) for stage in Stage}
        self.unlimited = environment(Stage.ALL, cel.Type.DYN)
        self.compiled: dict[str, When] = {}
        self.bool_like = (cel.Type.BOOL, cel.Type.DYN)


_ENVIRONMENTS: WeakKeyDictionary[Registry, dict[str, _Environments]] = WeakKeyDictionary()


def compile_when(node: Node, method: Method, registry: Registry, problems: Problems, *, stub: str = "") -> When | None:
    """Compile a ``when``; what is wrong with it goes to *problems*."""
    text = node.value

    def fail(message: str, *, hint: str = "", rule: str = "bad-cel") -> None:
        problems.error(message, node.location, "when", stub=stub, hint=hint, rule=rule)

    if not isinstance(text, str):
        fail(f"expected a CEL expression (a string), not {describe(node.plain())}.")
        return None
    by_type = _ENVIRONMENTS.setdefault(registry, {})
    try:
        environments = by_type.get(method.path) or by_type.setdefault(method.path, _Environments(method, registry))
    except ImportError:
        fail(str(MissingExtraError("`when`", "cel")) + ".", rule="missing-extra")
        return None
    except RuntimeError as error:
        fail(f"CEL can't use the type {method.input.full_name}: {error}.")
        return None
    if text in environments.compiled:
        return environments.compiled[text]
    try:
        when = _compile(text, environments)
    except (RuntimeError, ValueError, TypeError) as error:
        for message in _messages(str(error)):
            fail(message)
        return None
    if isinstance(when, str):
        fail(f"the expression must give a bool, not {when}.", hint="Compare it with something.")
        return None
    environments.compiled[text] = when
    return when


def _compile(text: str, environments: _Environments) -> When | str:
    """Compile an expression at the earliest stage that has all its variables; give its type if it is no bool."""
    program, found = None, Stage.ALL
    for stage in Stage:
        try:
            program, found = environments.by_stage[stage].compile(text), stage
            break
        except RuntimeError:
            if stage is Stage.ALL:
                raise
    assert program is not None
    if not any(program.return_type() == type_ for type_ in environments.bool_like):
        return str(program.return_type().name()).lower()
    unlimited = environments.unlimited.compile(text) if "deadline" in text else program
    return When(text, found, program, unlimited)


def _messages(text: str) -> list[str]:
    """Take the errors out of what the compiler says, each with its place inside the expression."""
    found = [f"{message} (at {line}:{column} of the expression)." for line, column, message in _ERROR.findall(text)]
    return found or [f"the expression doesn't compile: {text.rstrip('.')}."]
