"""Files of other tools, told by their keys: what they are written for, and the command that reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock.tree import Node


@dataclass(frozen=True, slots=True)
class Tool:
    """Another tool that has files of its own."""

    name: str
    """The name of its format, for ``grpcmock import``."""

    title: str
    """What it calls itself, for people."""

    recognizes: Callable[[Node], bool]
    """Whether a document, or an item of a list, is one of its own."""

    command: str = ""
    """The command that reads its files, where that is not ``import``."""

    def hint(self, file: str) -> str:
        """Name the command that makes stubs of a file."""
        if self.command:
            return f"{self.command} {file} makes stubs of it."
        return f"grpcmock import {self.name} {file} makes stubs of it, and serve --import {file} serves it as it is."


def tool_of(node: Node) -> Tool | None:
    """Give the tool that a document, or an item of one, was written for; None for one of this project's format."""
    if node.is_list and node.value:
        node = node.value[0]
    if not node.is_mapping:
        return None
    return next((tool for tool in TOOLS if tool.recognizes(node)), None)


def _has(node: Node, *names: str) -> bool:
    return all(name in node.value for name in names)


def _inside(node: Node, name: str) -> set[str]:
    child = node.value.get(name)
    return {*child.value} if child is not None and child.is_mapping else set()


def _is_gripmock(node: Node) -> bool:
    return _has(node, "service", "method") and bool({"input", "inputs", "output"} & node.value.keys())


_URLS = {"url", "urlPath", "urlPattern", "urlPathPattern", "urlPathTemplate"}


def _is_wiremock(node: Node) -> bool:
    if _has(node, "mappings") and node.value["mappings"].is_list:
        first = next(iter(node.value["mappings"].value), None)
        return first is None or (first.is_mapping and _is_wiremock(first))
    return _has(node, "request", "response") and bool(_URLS & _inside(node, "request"))


def _is_mockserver(node: Node) -> bool:
    return _has(node, "httpRequest") and len(node.value) > 1


def _is_microcks(node: Node) -> bool:
    kind = node.value.get("kind")
    return kind is not None and kind.value == "APIExamples"


def _is_mockd(node: Node) -> bool:
    if _has(node, "mocks") and node.value["mocks"].is_list:
        return True
    kind = node.value.get("type")
    return (kind is not None and kind.value == "grpc") or "grpc" in node.value


def _is_ditto(node: Node) -> bool:
    if "method" in node.value:
        return False
    return "method" in _inside(node, "request") and "response" in node.value


def _is_har(node: Node) -> bool:
    return "entries" in _inside(node, "log")


def _is_pact(node: Node) -> bool:
    return _has(node, "interactions", "consumer")


TOOLS = (
    Tool("gripmock", "GripMock", _is_gripmock),
    Tool("wiremock", "WireMock", _is_wiremock),
    Tool("mockserver", "MockServer", _is_mockserver),
    Tool("microcks", "Microcks", _is_microcks),
    Tool("mockd", "mockd", _is_mockd),
    Tool("ditto", "grpc-ditto", _is_ditto),
    Tool("har", "a browser's or proxy's HAR", _is_har),
    Tool("pact", "Pact", _is_pact, "grpcmock contract import"),
)
"""The tools whose files are known, by what only they have."""
