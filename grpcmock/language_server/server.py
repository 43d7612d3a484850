"""The language server: documents as they are edited, the protos behind them, and answers for the editor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from grpcmock._version import __version__
from grpcmock.errors import CompileError, GrpcmockError, in_order
from grpcmock.language_server import features
from grpcmock.language_server.contract import Contract
from grpcmock.language_server.files import StubFile, StubFiles, is_stub_file, path_of
from grpcmock.schema import sources

if TYPE_CHECKING:
    from grpcmock.errors import Problem
    from grpcmock.language_server.outline import Outline
    from grpcmock.schema.sources import AnyImports

_PAUSE = 0.15
"""Seconds without typing after which a file is looked at."""

_PROTOS = ("protos",)
_STUBS = ("stubs",)
"""What is read where nothing else is named, as every command has it."""


class StubServer(LanguageServer):
    """A language server for the stub files of one workspace."""

    def __init__(self, protos: Sequence[Path], stubs: Sequence[Path], imports: AnyImports) -> None:
        super().__init__("grpcmock", __version__)
        self._protos, self._stubs, self._imports = list(protos), list(stubs), imports
        self._files = StubFiles(stubs)
        self._looking: asyncio.Future[None] | None = None
        self._first_look: asyncio.Future[None] | None = None
        self._contract: Contract | None = None
        self._compiling: asyncio.Task[None] | None = None
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._told: set[str] = set()
        """The files that problems were told of."""

    def begin(self, root: Path | None) -> None:
        """Read protos and stubs: those that were named, else ``protos/`` and ``stubs/`` of the workspace."""
        folder = root or Path.cwd()
        self._protos = self._protos or [folder / name for name in _PROTOS if (folder / name).exists()]
        self._files = StubFiles(self._stubs or [folder / name for name in _STUBS])
        self.look_at_files()
        self._first_look = self._looking
        self.recompile()

    # Protos -----------------------------------------------------------------------------------------

    def recompile(self) -> None:
        """Read the protos again, beside the loop; the last that compiled are used until then."""
        if self._compiling is not None:
            self._compiling.cancel()
        self._compiling = asyncio.ensure_future(self._compile())

    async def _compile(self) -> None:
        if not self._protos:
            self._say(
                "There are no protos: no directory protos/ is here, and none were named in the server's arguments."
            )
            return
        try:
            registry = await asyncio.to_thread(sources.load, self._protos, imports=self._imports)
        except CompileError as error:
            self._tell_of_protos(error.problems)
            return
        except GrpcmockError as error:
            self._say(str(error))
            return
        self._tell_of_protos(())
        self._contract = Contract(registry, self._protos)
        for uri in list(self.workspace.text_documents):
            self.look(uri)

    async def contract(self) -> Contract | None:
        """Give what the protos say, once they are compiled; None if they can't be."""
        if self._contract is None and self._compiling is not None:
            await asyncio.wait([self._compiling])
        return self._contract

    def _say(self, text: str) -> None:
        self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, f"grpcmock: {text}"))

    def _tell_of_protos(self, problems: Sequence[Problem]) -> None:
        by_file: dict[str, list[Problem]] = {uri: [] for uri in self._told}
        for problem in problems:
            if problem.location is not None and problem.location.file:
                by_file.setdefault(Path(problem.location.file).resolve().as_uri(), []).append(problem)
        for uri, found in by_file.items():
            path = path_of(uri)
            text = path.read_text("utf-8", "replace") if path.exists() else ""
            self._publish(uri, features.diagnostics(found, text))
        self._told = {uri for uri, found in by_file.items() if found}

    # Stubs ------------------------------------------------------------------------------------------

    def text(self, uri: str) -> str:
        """Give the text of a document as it is edited."""
        return self.workspace.get_text_document(uri).source

    def look(self, uri: str) -> None:
        """Tell of the problems of a document, once nobody types for a moment."""
        if not is_stub_file(uri):
            return
        if (before := self._checks.get(uri)) is not None:
            before.cancel()
        self._checks[uri] = asyncio.ensure_future(self._look(uri))

    async def _look(self, uri: str) -> None:
        await asyncio.sleep(_PAUSE)
        contract = await self.contract()
        if contract is None:
            return
        edited = self._edited()
        found = await asyncio.to_thread(self._problems, contract, uri, edited)
        self._publish(uri, features.diagnostics(in_order(found), edited[uri]))

    def _problems(self, contract: Contract, uri: str, edited: Mapping[str, str]) -> list[Problem]:
        # Whether or not the editor tells of changes on the disk, they are known whenever typing pauses.
        self._files.look()
        beside = [stub for file in self._but(uri, edited) for stub in file.stubs]
        return contract.problems(edited[uri], str(path_of(uri)), beside)

    def forget(self, uri: str) -> None:
        """Tell of no more problems of a document that was closed."""
        if (check := self._checks.pop(uri, None)) is not None:
            check.cancel()
        self._publish(uri, [])

    def _publish(self, uri: str, found: list[lsp.Diagnostic]) -> None:
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found))

    def look_at_files(self) -> None:
        """Read the stub files that changed on the disk, beside the loop."""
        self._looking = asyncio.ensure_future(asyncio.to_thread(self._files.look))

    def _edited(self) -> dict[str, str]:
        return {uri: self.text(uri) for uri in self.workspace.text_documents if is_stub_file(uri)}

    def _but(self, uri: str, edited: Mapping[str, str]) -> list[StubFile]:
        return [file for other, file in self._files.current(edited).items() if other != uri]

    async def files_known(self) -> None:
        """Wait until the files were read once. Later looks are not waited for: completions go by the last one."""
        if self._first_look is not None:
            await self._first_look

    def others(self, uri: str) -> list[Outline]:
        """Give the outlines of all stub files but one."""
        return [file.outline for file in self._but(uri, self._edited())]

    async def texts(self) -> dict[str, str]:
        """Give the texts of all stub files by their URIs, as they are at this moment."""
        await asyncio.to_thread(self._files.look)
        return {uri: file.text for uri, file in self._files.current(self._edited()).items()}


def make_server(protos: Sequence[Path] = (), stubs: Sequence[Path] = (), imports: AnyImports = ()) -> StubServer:
    """Return the server. Without *protos* or *stubs*, those of the workspace are read: ``protos/``, ``stubs/``."""
    server = StubServer(protos, stubs, imports)

    _follow_documents(server)
    _explain(server)
    _change(server)
    return server


def _follow_documents(server: StubServer) -> None:
    @server.feature(lsp.INITIALIZED)
    def initialized(_: lsp.InitializedParams) -> None:
        root = server.workspace.root_path
        server.begin(Path(root) if root else None)

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        server.look(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        server.look(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        if params.text_document.uri.endswith(".proto"):
            server.recompile()

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: lsp.DidChangeWatchedFilesParams) -> None:
        if any(change.uri.endswith(".proto") for change in params.changes):
            server.recompile()
        if any(is_stub_file(change.uri) for change in params.changes):
            server.look_at_files()


def _explain(server: StubServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=[" ", "$", "/", ".", "{"]))
    async def complete(params: lsp.CompletionParams) -> lsp.CompletionList | None:
        contract = await server.contract()
        if contract is None or not is_stub_file(params.text_document.uri):
            return None
        await server.files_known()
        uri, at = params.text_document.uri, params.position
        return features.completions(contract, server.text(uri), at.line, at.character, lambda: server.others(uri))

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        contract = await server.contract()
        if contract is None:
            return None
        text = server.text(params.text_document.uri)
        return features.hover(contract, text, params.position.line, params.position.character)

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    async def definition(params: lsp.DefinitionParams) -> lsp.Location | None:
        contract = await server.contract()
        if contract is None:
            return None
        text = server.text(params.text_document.uri)
        return features.definition(contract, text, params.position.line, params.position.character)


def _change(server: StubServer) -> None:
    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix])
    )
    def quick_fixes(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        own = [one for one in params.context.diagnostics if one.source == "grpcmock"]
        return features.quick_fixes(uri, server.text(uri), own)

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare_rename(params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder | None:
        text = server.text(params.text_document.uri)
        found = features.name_at(text, params.position.line, params.position.character)
        if found is None:
            return None
        _, name, span = found
        begin, end = lsp.Position(span.line, span.begin), lsp.Position(span.line, span.end)
        return lsp.PrepareRenamePlaceholder(lsp.Range(begin, end), name)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    async def rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        text = server.text(params.text_document.uri)
        found = features.name_at(text, params.position.line, params.position.character)
        return features.rename(found[0], found[1], params.new_name, await server.texts()) if found is not None else None
