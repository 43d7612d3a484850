"""The compiler of templates: from Jinja's syntax tree, bounded and examined, to a :class:`Template`."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2 import meta, nodes
from jinja2.visitor import NodeTransformer

from grpcmock.errors import did_you_mean
from grpcmock.stubs.sandbox import BUDGET, COUNTED, JOINED, as_text, environment, finished, join
from grpcmock.stubs.template import Chain, Reference, Template, TemplateError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def compile_text(text: str) -> Template:
    """Compile *text*. Raises :class:`TemplateError`."""
    sandbox = environment()
    try:
        tree = sandbox.parse(text)
        _refuse(tree)
        tree = _Bounded().visit(tree)
        # Names are found before the tree is compiled, since this also raises for unknown filters and tests.
        variables = frozenset(meta.find_undeclared_variables(tree) - sandbox.globals.keys())
        references, calls = _chains(tree, variables)
        expression = _whole(tree)
        parts = _parts(tree, variables)
        if parts is not None:
            plain = _reader(parts[0]) if expression is not None else _writer(parts)  # type: ignore[arg-type]
            return Template(text, expression is not None, variables, references, calls, parts, plain)
        if expression is not None:
            result = nodes.Assign(nodes.Name("result", "store", lineno=1), expression, lineno=1)
            tree = nodes.Template([result], lineno=1)
        code = sandbox.from_string(tree)
        code.globals = dict(code.globals)  # not the chain of mappings that it is: each rendering goes through it twice
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(_syntax_reason(error), error.lineno) from None
    except TemplateError:
        raise
    except RecursionError:
        raise TemplateError(f"The template {shown(text)} nests too deeply.") from None
    except Exception as error:  # noqa: BLE001 - the compilers below raise a dozen sorts for hostile sources
        raise TemplateError(f"The template {shown(text)} can't be compiled: {error}") from None
    whole = expression is not None
    return Template(text, whole, variables, references, calls, None, _evaluator(code) if whole else _renderer(code))


def _renderer(code: jinja2.Template) -> Callable[[dict[str, Any]], Any]:
    def render(values: dict[str, Any]) -> str:
        values[BUDGET] = itertools.count(1)
        return join(code.root_render_func(code.new_context(values)))

    return render


def _evaluator(code: jinja2.Template) -> Callable[[dict[str, Any]], Any]:
    def evaluate(values: dict[str, Any]) -> Any:
        values[BUDGET] = itertools.count(1)
        context = code.new_context(values)
        for _ in code.root_render_func(context):
            pass
        return finished(context.vars["result"])

    return evaluate


def _parts(tree: nodes.Template, variables: frozenset[str]) -> tuple[str | Reference, ...] | None:
    """Return the parts of a template of text and references alone; None if there is anything else in it."""
    if len(tree.body) != 1 or not isinstance(output := tree.body[0], nodes.Output):
        return None
    parts: list[str | Reference] = []
    for node in output.nodes:
        part = node.data if isinstance(node, nodes.TemplateData) else _reference(node, variables)
        if part is None:
            return None
        parts.append(part)
    return tuple(parts)


def _reference(node: nodes.Node, variables: frozenset[str]) -> Reference | None:
    sandbox = environment()
    filters: list[Callable[[Any], Any]] = []
    while isinstance(node, nodes.Filter):
        function = sandbox.filters[node.name]
        constants = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
        is_simple = len(constants) == len(node.args) and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
        if node.node is None or not is_simple or hasattr(function, "jinja_pass_arg"):
            return None
        filters.append(_applied(function, constants) if constants else function)
        node = node.node
    if (chain := _chain(node, variables)) is None:
        return None
    steps: list[Callable[[Any, Any], Any]] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        steps.append(sandbox.getattr if isinstance(node, nodes.Getattr) else sandbox.getitem)
        node = node.node
    return Reference(chain, tuple(reversed(steps)), tuple(reversed(filters)))


def _applied(function: Callable[..., Any], constants: list[Any]) -> Callable[[Any], Any]:
    return lambda value: function(value, *constants)


def _read(reference: Reference, values: dict[str, Any]) -> Any:
    name, *keys = reference.chain
    value = values[name] if name in values else environment().undefined(name=str(name))
    for step, key in zip(reference.steps, keys, strict=True):
        value = step(value, key)
    for function in reference.filters:
        value = function(value)
    return value


def _reader(reference: Reference) -> Callable[[dict[str, Any]], Any]:
    return lambda values: finished(_read(reference, values))


def _writer(parts: tuple[str | Reference, ...]) -> Callable[[dict[str, Any]], Any]:
    return lambda values: join(part if isinstance(part, str) else str(as_text(_read(part, values))) for part in parts)


def _whole(tree: nodes.Template) -> nodes.Expr | None:
    if len(tree.body) == 1 and isinstance(output := tree.body[0], nodes.Output) and len(output.nodes) == 1:
        return None if isinstance(output.nodes[0], nodes.TemplateData) else output.nodes[0]
    return None


_REFUSED: tuple[tuple[type[nodes.Node], str], ...] = (
    (nodes.Extends, "extends"),
    (nodes.Include, "include"),
    (nodes.Import, "import"),
    (nodes.FromImport, "from"),
    (nodes.Block, "block"),
    (nodes.Macro, "macro"),
    (nodes.CallBlock, "call"),
    (nodes.FilterBlock, "filter"),
)


def _refuse(tree: nodes.Template) -> None:
    """Refuse what reaches outside the string, or repeats itself without a loop's bound."""
    for type_, word in _REFUSED:
        if found := tree.find(type_):
            raise TemplateError(f"Templates have no '{word}': use expressions, if, for and set.", found.lineno)
    for loop in tree.find_all(nodes.For):
        if loop.recursive:
            raise TemplateError("A loop in a stub can't be recursive.", loop.lineno)


class _Bounded(NodeTransformer):
    """Put a bound around what the sandbox doesn't intercept: rounds of loops, and ``~``."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the visitor's naming
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, COUNTED, [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the visitor's naming
        self.generic_visit(node)
        return nodes.Filter(nodes.List(node.nodes), JOINED, [], [], None, None, lineno=node.lineno)


def _chains(tree: nodes.Template, variables: frozenset[str]) -> tuple[tuple[Chain, ...], tuple[Chain, ...]]:
    """Find the static chains that begin at one of *variables*, and which of them are called."""
    references: dict[Chain, None] = {}
    calls: dict[Chain, None] = {}

    def visit(node: nodes.Node, called: bool = False) -> None:
        chain = _chain(node, variables)
        if chain is not None:
            if called:
                calls[chain] = None
                chain = chain[:-1]
            if chain:
                references[chain] = None
            return
        if isinstance(node, nodes.Call):
            visit(node.node, called=True)
            for part in (*node.args, *node.kwargs, node.dyn_args, node.dyn_kwargs):
                if part is not None:
                    visit(part)
            return
        for child in node.iter_child_nodes():
            visit(child)

    visit(tree)
    return tuple(references), tuple(calls)


def _chain(node: nodes.Node, variables: frozenset[str]) -> Chain | None:
    parts: list[str | int] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            parts.append(node.attr)
        elif (
            isinstance(node, nodes.Getitem)
            and isinstance(node.arg, nodes.Const)
            and isinstance(node.arg.value, (str, int))
        ):
            parts.append(node.arg.value)
        else:
            return None
        node = node.node
    return (node.name, *reversed(parts)) if node.name in variables and node.ctx == "load" else None


_UNKNOWN: tuple[tuple[re.Pattern[str], str, Callable[[], Iterable[str]]], ...] = (
    (re.compile(r"No filter named '(.*)'\."), "filter", lambda: environment().filters),
    (re.compile(r"No test named '(.*)'\."), "test", lambda: environment().tests),
)


def _syntax_reason(error: jinja2.TemplateSyntaxError) -> str:
    message = error.message or "it can't be parsed."
    for pattern, word, known in _UNKNOWN:
        if found := pattern.fullmatch(message):
            names = [name for name in known() if name[0].isalpha()]
            return f"There is no {word} {found[1]!r} in templates. {did_you_mean(found[1], names)}".rstrip()
    return f"The template has a syntax error: {message}"
