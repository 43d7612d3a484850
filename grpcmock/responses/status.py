"""How a call ends: an ``error`` with its code, message, details and trailers, or OK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.errors import did_you_mean
from grpcmock.responses.messages import compile_details, compile_text
from grpcmock.responses.metadata import compile_metadata, joined
from grpcmock.responses.plan import FINISH_OK, NO_METADATA, FinishStep, RenderableMetadata
from grpcmock.responses.templates import Scope, folded
from grpcmock.status import DETAILS_KEY, Code

if TYPE_CHECKING:
    from grpcmock.tree import Node

_KEYS = ("code", "message", "details", "trailers")


def compile_error(node: Node, scope: Scope, path: str, trailers: RenderableMetadata = NO_METADATA) -> FinishStep:
    """Compile an ``error``; *trailers* are those of the answer around it. What is wrong is noted."""
    if not node.is_mapping:
        scope.error(
            f"expected a mapping such as {{code: NOT_FOUND, message: …}}, not {node.kind}.",
            node,
            path,
            hint="Write {code: …}." if isinstance(node.value, str) else "",
            rule="error",
        )
        return FINISH_OK
    given = node.value
    for key in given:
        if key not in _KEYS:
            scope.unknown(node, key, path, did_you_mean(str(key), _KEYS, known="The keys"))
    code = Code.UNKNOWN
    if "code" in given:
        code = _code(given["code"], scope, f"{path}.code")
    else:
        scope.error("an error needs a code.", node, path, hint="Write code: NOT_FOUND, or another.", rule="status-code")
    message = compile_text(given.get("message"), scope, f"{path}.message")
    details = compile_details(given.get("details"), scope, f"{path}.details")
    own = compile_metadata(given.get("trailers"), scope, f"{path}.trailers")
    if details.constant != () and own.constant and any(key == DETAILS_KEY for key, _ in own.constant):
        scope.error(f"'details' and the trailer {DETAILS_KEY} exclude each other.", node, path, rule="error")
    return FinishStep(code, message, details, joined(trailers, own))


def _code(node: Node, scope: Scope, path: str) -> Code:
    found = folded(node, scope, path)
    if found is None:
        return Code.UNKNOWN
    try:
        code = Code.parse(found.value)
    except ValueError as error:
        scope.error(str(error), node, path, rule="status-code")
        return Code.UNKNOWN
    if code is Code.OK:
        scope.error("OK is no error.", node, path, hint="For an OK answer, leave 'error' out.", rule="status-code")
    return code


def compile_finish(
    node: Node | None, scope: Scope, path: str, trailers: RenderableMetadata = NO_METADATA
) -> FinishStep:
    """Compile a ``finish``: nothing, or its trailers."""
    if node is not None and node.value is not None and node.value is not True:
        if not node.is_mapping:
            scope.error(f"expected nothing, or {{trailers: …}}, not {node.kind}.", node, path)
            return FINISH_OK
        for key in node.value:
            if key != "trailers":
                hint = "A finish has only 'trailers'; to end with another status, write 'error'."
                scope.unknown(node, key, path, hint)
        trailers = joined(trailers, compile_metadata(node.value.get("trailers"), scope, f"{path}.trailers"))
    return FinishStep(trailers=trailers)  # one of its own, so that its place can be told from that of others
