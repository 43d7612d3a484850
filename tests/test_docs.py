"""Each example in the README and the docs holds: stubs load, and each command shown prints what is shown.

Within one section of a page (a heading of any level begins one):

- ```` ```yaml ```` blocks are stubs, served together. ```` ```yaml title=NAME ```` is a file beside them, such as a table.
- ```` ```proto ```` is the proto they are for; ``protos/user.proto`` where there is none.
- ```` ```console ```` shows a session: lines that begin with ``$`` run, and what follows is their whole output. ``…``
  stands for anything. ``grpcmock call 127.0.0.1:50051 …`` talks to a server with the section's stubs.
- ```` ```yaml wrong ```` must not load; a following ```` ```text ```` block shows what is said.
- A block with the word ``skip`` after its language is shown and not run.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from grpcmock.errors import GrpcmockError
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host, HostOptions
from grpcmock.servers.thread import LoopThread

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


@dataclass
class Block:
    language: str
    words: list[str]
    text: str
    line: int


@dataclass
class Section:
    page: Path
    title: str
    line: int
    blocks: list[Block] = field(default_factory=list)

    def of(self, language: str) -> list[Block]:
        return [block for block in self.blocks if block.language == language and "skip" not in block.words]


def sections(page: Path) -> Iterator[Section]:
    section = Section(page, page.stem, 1)
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    for number, line in lines:
        if re.match(r"#{1,6} ", line):
            yield section
            section = Section(page, line.lstrip("# "), number)
        elif opened := re.match(r"( *)```(\w+)(.*)", line):
            indent, language, words = opened.groups()
            body = []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                body.append(inner.removeprefix(indent))
            section.blocks.append(Block(language, shlex.split(words), "\n".join(body) + "\n", number))
    yield section


CASES = [
    pytest.param(section, id=f"{page.relative_to(ROOT)}:{section.line}:{section.title}")
    for page in PAGES
    for section in sections(page)
    if any(section.of(language) for language in ("yaml", "console"))
]


def _write(section: Section, folder: Path) -> Files:
    """Write the files of a section, and give those of a server."""
    (folder / "stubs").mkdir()
    protos = [ROOT / "protos"]
    for number, block in enumerate(section.of("proto")):
        (folder / "protos").mkdir(exist_ok=True)
        (folder / "protos" / f"example{number}.proto").write_text(block.text)
        protos = [folder / "protos"]
    for number, block in enumerate(section.of("yaml")):
        if "wrong" in block.words:
            continue
        titles = [word.removeprefix("title=") for word in block.words if word.startswith("title=")]
        name = titles[0] if titles else f"{number:02}.yaml"
        (folder / "stubs" / name).write_text(block.text)
    for block in section.of("csv") + section.of("json"):
        for word in block.words:
            if word.startswith("title="):
                (folder / "stubs" / word.removeprefix("title=")).write_text(block.text)
    return Files(protos=protos, stubs=[folder / "stubs"])


@contextmanager
def _serving(files: Files, options: HostOptions) -> Iterator[str]:
    loop = LoopThread()

    async def start() -> Host:
        host = Host(files, options)
        host.listen(Address.parse("127.0.0.1:0"))
        await host.start()
        return host

    try:
        host = loop.run(start())
        yield str(host.addresses[0])
        loop.run(host.stop(0))
    finally:
        loop.close()


def _session(text: str) -> Iterator[tuple[str, str]]:
    """Split a console block into commands and what each prints."""
    command, output = "", []
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, "\n".join(output)
            command, output = line[2:], []
        elif command.endswith("\\"):
            command = command[:-1] + line.strip()
        else:
            output.append(line)
    if command:
        yield command, "\n".join(output)


def _run(command: str, address: str, folder: Path) -> str:
    from grpcmock.cli import app

    words = shlex.split(command.replace("127.0.0.1:50051", address), comments=True)
    stdin = None
    if "|" in words:
        at = words.index("|")
        assert words[0] in ("echo", "printf"), f"only echo and printf can be piped here: {command}"
        stdin = " ".join(words[1:at]).replace("\\n", "\n") + ("\n" if words[0] == "echo" else "")
        words = words[at + 1 :]
    assert words[0] == "grpcmock", f"an example runs something other than grpcmock: {command}"
    result = CliRunner().invoke(app.cli, words[1:], input=stdin, prog_name="grpcmock")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output.replace(address, "127.0.0.1:50051").replace(str(folder) + "/", "")


def _matches(shown: str, printed: str) -> bool:
    pattern = ".*".join(map(re.escape, shown.strip().split("…")))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


@pytest.mark.parametrize("section", CASES)
def test_example(section: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    files = _write(section, tmp_path)
    monkeypatch.chdir(tmp_path)
    if not (tmp_path / "protos").exists():
        (tmp_path / "protos").symlink_to(ROOT / "protos")
    with _serving(files, HostOptions()) as address:
        for block in section.of("console"):
            for command, shown in _session(block.text):
                printed = _run(command, address, tmp_path)
                assert _matches(shown, printed), f"$ {command}\nshown:\n{shown}\n\nprinted:\n{printed}"


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        pytest.param(case.values[0], block, id=f"{case.id}:{block.line}")
        for case in CASES
        for block in case.values[0].of("yaml")
        if "wrong" in block.words
    ],
)
def test_wrong_example(section: Section, wrong: Block, tmp_path: Path) -> None:
    stubs = tmp_path / "stubs.yaml"
    stubs.write_text(wrong.text)

    async def load() -> None:
        Host(Files(protos=[ROOT / "protos"], stubs=[stubs]))

    with pytest.raises(GrpcmockError) as caught:
        asyncio.run(load())
    said = [block.text for block in section.blocks if block.language == "text" and block.line > wrong.line]
    assert said, "no text block shows what is said of the wrong example"
    printed = str(caught.value).replace(str(tmp_path) + "/", "")
    assert _matches(said[0], printed), f"shown:\n{said[0]}\n\nprinted:\n{printed}"
