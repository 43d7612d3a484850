"""How long an editor waits for a completion, among many protos and stubs.

python -m benchmarks.language_server
python -m benchmarks.language_server --files 100
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

_PROTO = """\
syntax = "proto3";
package shop{number};
// Service number {number}.
service Shop {{ rpc Buy(Order) returns (Order); rpc Look(Order) returns (stream Order); }}
message Order {{
  // What it is called.
  string name = 1;
  int64 amount = 2;
  repeated Item items = 3;
}}
message Item {{ string name = 1; State state = 2; }}
enum State {{ STATE_UNSPECIFIED = 0; STATE_PAID = 1; }}
"""
_STUB = "- method: shop{number}.Shop/Buy\n  request: {{name: tea}}\n  response: {{amount: 1}}\n  set: {{door: open}}\n"

_PLACES = {
    "a key": "- method: shop7.Shop/Buy\n  re",
    "a method": "- method: shop7.Sh",
    "a field": "- method: shop7.Shop/Buy\n  request: {na",
    "an operator": "- method: shop7.Shop/Buy\n  request: {name: {$",
    "an enum value": "- method: shop7.Shop/Buy\n  request: {items: [{state: ",
    "a scenario": "- method: shop7.Shop/Buy\n  state: {",
}


async def measure(folder: Path, rounds: int) -> None:
    """Print how long each kind of completion takes."""
    client = LanguageClient("editor", "1")
    await client.start_io(sys.executable, "-m", "grpcmock", "lsp")
    root = lsp.WorkspaceFolder(folder.as_uri(), "root")
    await client.initialize_async(
        lsp.InitializeParams(lsp.ClientCapabilities(), root_uri=folder.as_uri(), workspace_folders=[root])
    )
    client.initialized(lsp.InitializedParams())
    uri = (folder / "stubs" / "new.yaml").as_uri()
    client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "yaml", 1, "")))
    document = lsp.TextDocumentIdentifier(uri)
    version = 1
    print(f"{'completion of':16} {'least':>9} {'median':>9} {'longest':>9}")
    for name, text in _PLACES.items():
        took = []
        for _ in range(rounds):
            version += 1
            client.text_document_did_change(
                lsp.DidChangeTextDocumentParams(
                    lsp.VersionedTextDocumentIdentifier(uri=uri, version=version),
                    [lsp.TextDocumentContentChangeWholeDocument(text)],
                )
            )
            at = lsp.Position(text.count("\n"), len(text.rpartition("\n")[2]))
            asked = time.perf_counter()
            found = await client.text_document_completion_async(lsp.CompletionParams(document, at))
            took.append(time.perf_counter() - asked)
            assert isinstance(found, lsp.CompletionList) and found.items, name
        if name == "a key":
            first, *took = took
            print(f"{'the first of all':16} {first * 1e3:6.0f} ms: the protos are read")
        print(f"{name:16} {min(took) * 1e3:6.1f} ms {statistics.median(took) * 1e3:6.1f} ms {max(took) * 1e3:6.1f} ms")
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()


def main() -> None:
    """Write the files, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=1_000, help="protos, and as many files of stubs")
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, text, suffix in (("protos", _PROTO, "proto"), ("stubs", _STUB, "yaml")):
            (folder / kind).mkdir()
            for number in range(arguments.files):
                (folder / kind / f"shop{number}.{suffix}").write_text(text.format(number=number))
        asyncio.run(measure(folder, arguments.rounds))


if __name__ == "__main__":
    main()
