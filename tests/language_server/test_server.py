"""The language server as an editor starts it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

pytest.importorskip("pygls", reason="the extra lsp isn't installed")

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

PROTO = """\
syntax = "proto3";
package shop;
service Shop { rpc Buy(Order) returns (Order); }
message Order { string name = 1; }
"""
STUBS = "- method: shop.Shop/Buy\n  request: {name: tea}\n  set: {door: open}\n"


class Editor(LanguageClient):
    """An editor that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.told: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self.messages: asyncio.Queue[str] = asyncio.Queue()
        self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self.told.put_nowait(params))
        self.feature(lsp.WINDOW_SHOW_MESSAGE)(lambda params: self.messages.put_nowait(params.message))

    async def end(self) -> int | None:
        """Say good-bye as editors do; give the server's exit code."""
        await self.shutdown_async(None)
        self.exit(None)
        await self.stop()
        return self._server.returncode if self._server is not None else None

    async def problems(self, uri: str) -> list[lsp.Diagnostic]:
        while True:
            told = await asyncio.wait_for(self.told.get(), 60)
            if told.uri == uri:
                return list(told.diagnostics)


@pytest.fixture
async def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Editor]:
    (tmp_path / "protos").mkdir()
    (tmp_path / "protos" / "shop.proto").write_text(PROTO)
    (tmp_path / "stubs").mkdir()
    (tmp_path / "stubs" / "one.yaml").write_text(STUBS)
    (tmp_path / "stubs" / "two.yaml").write_text("- method: shop.Shop/Buy\n  state: {door: open}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))))
    client = Editor()
    await client.start_io(sys.executable, "-m", "grpcmock", "lsp")
    root = lsp.WorkspaceFolder(tmp_path.as_uri(), "root")
    begin = lsp.InitializeParams(
        capabilities=lsp.ClientCapabilities(), root_uri=tmp_path.as_uri(), workspace_folders=[root]
    )
    await asyncio.wait_for(client.initialize_async(begin), 60)
    client.initialized(lsp.InitializedParams())
    yield client
    assert await client.end() == 0


def _open(editor: Editor, path: Path, text: str) -> str:
    uri = path.as_uri()
    editor.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "yaml", 1, text)))
    return uri


def _write(editor: Editor, uri: str, version: int, text: str) -> None:
    whole: Any = lsp.TextDocumentContentChangeWholeDocument(text)
    editor.text_document_did_change(
        lsp.DidChangeTextDocumentParams(lsp.VersionedTextDocumentIdentifier(version, uri), [whole])
    )


async def test_a_stub_is_written(editor: Editor, tmp_path: Path) -> None:
    uri = _open(editor, tmp_path / "stubs" / "one.yaml", STUBS)
    document = lsp.TextDocumentIdentifier(uri)
    assert await editor.problems(uri) == []

    _write(editor, uri, 2, STUBS.replace("name", "nmae"))
    [problem] = await editor.problems(uri)
    assert problem.range == lsp.Range(lsp.Position(1, 12), lsp.Position(1, 16))
    assert "Did you mean 'name'?" in problem.message
    context = lsp.CodeActionContext([problem])
    actions = await editor.text_document_code_action_async(lsp.CodeActionParams(document, problem.range, context))
    assert actions is not None
    assert [action.title for action in actions] == ["Change to 'name'"]

    _write(editor, uri, 3, STUBS + "  resp")
    await editor.problems(uri)
    found = await editor.text_document_completion_async(lsp.CompletionParams(document, lsp.Position(3, 6)))
    assert isinstance(found, lsp.CompletionList)
    assert [item.label for item in found.items] == ["response"]

    told = await editor.text_document_hover_async(lsp.HoverParams(document, lsp.Position(1, 13)))
    assert told is not None
    assert "string name = 1" in str(told.contents)
    place = await editor.text_document_definition_async(lsp.DefinitionParams(document, lsp.Position(0, 12)))
    assert isinstance(place, lsp.Location)
    assert place.uri == (tmp_path / "protos" / "shop.proto").as_uri()

    _write(editor, uri, 4, STUBS)
    at = lsp.Position(2, 9)
    assert await editor.text_document_prepare_rename_async(lsp.PrepareRenameParams(document, at)) is not None
    edit = await editor.text_document_rename_async(lsp.RenameParams(document, at, "gate"))
    assert edit is not None
    assert edit.changes is not None
    assert set(edit.changes) == {uri, (tmp_path / "stubs" / "two.yaml").as_uri()}


async def test_protos_are_read_again_when_they_change(editor: Editor, tmp_path: Path) -> None:
    proto = tmp_path / "protos" / "shop.proto"
    uri = _open(editor, tmp_path / "stubs" / "one.yaml", STUBS.replace("name", "size"))
    assert len(await editor.problems(uri)) == 1
    changed = lsp.DidChangeWatchedFilesParams([lsp.FileEvent(proto.as_uri(), lsp.FileChangeType.Changed)])

    proto.write_text(PROTO.replace("string name", "strin name"))
    editor.workspace_did_change_watched_files(changed)
    [problem] = await editor.problems(proto.as_uri())
    assert "strin" in problem.message

    proto.write_text(PROTO.replace("string name", "string size"))
    editor.workspace_did_change_watched_files(changed)
    assert await editor.problems(proto.as_uri()) == []
    assert await editor.problems(uri) == []


async def test_without_protos_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))))
    client = Editor()
    await client.start_io(sys.executable, "-m", "grpcmock", "lsp", cwd=tmp_path)
    await client.initialize_async(lsp.InitializeParams(capabilities=lsp.ClientCapabilities()))
    client.initialized(lsp.InitializedParams())
    assert "There are no protos" in await asyncio.wait_for(client.messages.get(), 60)
    assert await client.end() == 0
