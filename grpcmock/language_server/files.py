"""The stub files of a workspace, as they are edited or on the disk, each read again only when it changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from grpcmock.errors import GrpcmockError, Problems
from grpcmock.language_server.outline import Outline, outline
from grpcmock.stubs import loader
from grpcmock.stubs.files import stub_files

if TYPE_CHECKING:
    from grpcmock.stubs.model import Stub


class StubFile:
    """One text of a stub file, and what is made of it, once."""

    def __init__(self, uri: str, text: str) -> None:
        self.path = path_of(uri)
        self.text = text

    @cached_property
    def outline(self) -> Outline:
        """Where things stand in it."""
        return outline(self.text)

    @cached_property
    def stubs(self) -> Sequence[Stub]:
        """The stubs that it holds, as far as they can be read."""
        try:
            return loader.load_text(self.text, str(self.path), Problems(), folder=self.path.parent)
        except GrpcmockError:
            return ()


class StubFiles:
    """The stub files below some paths.

    Only :meth:`look` looks at the disk, which takes a while among thousands of files: it is for a thread, and what the
    last look found is good for completions meanwhile.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        self._on_disk: Mapping[str, tuple[tuple[int, int], StubFile]] = {}
        self._edited: dict[str, StubFile] = {}
        self._lock = threading.Lock()

    def look(self) -> None:
        """Read the files that changed since the last look, and forget those that are gone."""
        with self._lock:
            found = {}
            for path in stub_files(self._roots, Problems()):
                uri = _uri_of(path)
                if not is_stub_file(uri):
                    continue
                try:
                    status = path.stat()
                    version, known = (status.st_mtime_ns, status.st_size), self._on_disk.get(uri)
                    if known is None or known[0] != version:
                        known = version, StubFile(uri, path.read_text("utf-8", "replace"))
                except OSError:
                    continue  # it was removed meanwhile
                _ = known[1].outline  # so that no completion has to make it
                found[uri] = known
            self._on_disk = found

    def current(self, edited: Mapping[str, str]) -> dict[str, StubFile]:
        """Give all files by their URIs, of which *edited* have these texts."""
        self._edited = {
            uri: known if (known := self._edited.get(uri)) is not None and known.text == text else StubFile(uri, text)
            for uri, text in edited.items()
        }
        return {uri: file for uri, (_, file) in self._on_disk.items()} | self._edited


@cache
def _uri_of(path: Path) -> str:
    return path.resolve().as_uri()


def is_stub_file(uri: str) -> bool:
    """Whether a document can hold stubs, by its name."""
    return uri.endswith((".yaml", ".yml"))


def path_of(uri: str) -> Path:
    """Give the path of a document."""
    return Path(url2pathname(unquote(urlsplit(uri).path)))
