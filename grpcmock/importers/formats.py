"""The formats that can be read: for each, which files are of it, and the module that makes drafts of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from grpcmock.stubs.foreign import TOOLS

if TYPE_CHECKING:
    from grpcmock.importers.draft import Context, Draft
    from grpcmock.tree import Node

Reader = Callable[["Iterable[Node]", "Context"], "list[Draft]"]
"""Makes drafts of documents; what it can't say goes to the context, as a warning with its place."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the files of another tool, or a kind of text that tells of a call."""

    name: str
    title: str
    module: str
    """The module below this package whose ``read`` is the :data:`Reader`."""

    suffixes: tuple[str, ...] = (".yaml", ".yml", ".json")
    """The endings of files that are looked for in a directory."""

    recognizes: Callable[[Node], bool] | None = None
    """Whether a document is of this format; None for texts that are no YAML or JSON: their lines are the documents."""

    prepare: Mapping[str, str] = field(default_factory=dict)
    """Functions ``module:name`` that make YAML of a text, by the ending of its file; ``""`` for all others."""

    note: str = ""
    """What differs for whoever comes from there, whatever the stubs say."""

    def reader(self) -> Reader:
        """Give the function that makes drafts."""
        reader: Reader = import_module(f"grpcmock.importers.{self.module}").read
        return reader

    def prepared(self, text: str, suffix: str = "") -> str:
        """Give the text of a file, whose name ends so, as YAML or JSON."""
        function = self.prepare.get(suffix) or self.prepare.get("")
        if not function:
            return text
        module, _, name = function.partition(":")
        made: str = getattr(import_module(f"grpcmock.importers.{module}"), name)(text)
        return made


_RECOGNIZED = {tool.name: tool.recognizes for tool in TOOLS}

FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(
            "gripmock",
            "GripMock, 3 and before",
            "gripmock.reader",
            (".yaml", ".yml", ".json", ".sh"),
            _RECOGNIZED["gripmock"],
            {"": "gripmock.templating:readable_yaml", ".sh": "gripmock.posted:posted_documents"},
            note="A call that no stub matches is told in other words than GripMock's, and is UNIMPLEMENTED: "
            "`serve --unmatched-code NOT_FOUND` keeps its status.",
        ),
        Format("wiremock", "WireMock with its gRPC extension", "wiremock.reader", (".json",), _RECOGNIZED["wiremock"]),
        Format("mockserver", "MockServer's gRPC expectations", "mockserver", (".json",), _RECOGNIZED["mockserver"]),
        Format("microcks", "Microcks' APIExamples", "microcks", recognizes=_RECOGNIZED["microcks"]),
        Format("mockd", "mockd", "mockd", recognizes=_RECOGNIZED["mockd"]),
        Format("ditto", "grpc-ditto", "ditto", recognizes=_RECOGNIZED["ditto"]),
        Format("har", "HAR of Connect or gRPC-Web", "har", (".har", ".json"), _RECOGNIZED["har"]),
        Format("grpcurl", "lines of grpcurl", "command_lines", (".sh", ".txt", ".md")),
        Format("curl", "lines of curl to Connect", "command_lines", (".sh", ".txt", ".md")),
    )
}
"""Each format by the name that ``grpcmock import`` takes."""
