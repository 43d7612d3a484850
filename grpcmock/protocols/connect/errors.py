"""Errors of Connect: the JSON that tells a status, with its details."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from grpcmock.protocols import status_json

if TYPE_CHECKING:
    from grpcmock.engine.steps import Finish
    from grpcmock.schema import Registry
    from grpcmock.status import Code

_NAMES = {"CANCELLED": "canceled"}


def code_name(code: Code) -> str:
    """Return the name of a status code in Connect: ``not_found``, ``canceled``."""
    return _NAMES.get(code.name, code.name.lower())


def error_tree(finish: Finish, registry: Registry) -> dict[str, Any]:
    """Return the JSON of the status that a call ends with, which is not OK."""
    tree: dict[str, Any] = {"code": code_name(finish.code)}
    if finish.message:
        tree["message"] = finish.message
    if details := status_json.details_of(finish):
        tree["details"] = [_detail(detail, registry) for detail in details]
    return tree


def _detail(detail: Any, registry: Registry) -> dict[str, Any]:
    debug = status_json.detail_tree(detail, registry)
    debug.pop("@type", None)
    told = {
        "type": detail.type_url.rpartition("/")[2],
        "value": base64.b64encode(detail.value).rstrip(b"=").decode(),
    }
    return {**told, "debug": debug}
