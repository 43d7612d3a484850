"""Each example of the pages on tests with pytest runs as a test.

- A ```` ```python ```` block with a test in it is run by pytest; one without is run as a program.
- ```` ```python title=NAME ```` and ```` ```ini title=NAME ```` are files, there for the rest of the section; one
  before the first section is there for the whole page.
- ```` ```python fails ```` must fail, and the ```` ```text ```` block after it shows what is said; ``…`` stands for
  anything in a line.
- ```` ```python asyncio ```` runs with pytest-asyncio in its mode ``auto``.
- ```` ```python shared ```` uses a mock server that runs already, at ``127.0.0.1:50051``.
- ```` ```python items=N ```` has so many tests, where it isn't one for each function; ``skip`` shows it only.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from shared_server import shared_server

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "testing.md"
PAGES = (PAGE, ROOT / "docs" / "contract-tests.md", ROOT / "docs" / "faults.md")


@dataclass
class Block:
    language: str
    words: list[str]
    text: str
    line: int
    said: str = ""

    @property
    def title(self) -> str:
        return next((word.removeprefix("title=") for word in self.words if word.startswith("title=")), "")

    @property
    def items(self) -> int:
        """How many tests it has."""
        given = [int(word.removeprefix("items=")) for word in self.words if word.startswith("items=")]
        return sum(given) or max(self.text.count("def test_"), 1)


@dataclass
class Section:
    title: str
    blocks: list[Block] = field(default_factory=list)


def sections(page: Path) -> Iterator[Section]:
    """Give the sections of a page; what stands before the first of them is one, too."""
    section = Section("")
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    for number, line in lines:
        if line.startswith("## "):
            yield section
            section = Section(line[3:])
        elif opened := re.match(r"```(\w+)(.*)", line):
            body = []
            for _, inner in lines:
                if inner == "```":
                    break
                body.append(inner)
            block = Block(opened[1], shlex.split(opened[2]), "\n".join(body) + "\n", number)
            if block.language == "text" and section.blocks:
                section.blocks[-1].said = block.text
            else:
                section.blocks.append(block)
    yield section


EXAMPLES = [
    pytest.param(preamble, section, block, id=f"{page.stem}:{section.title}:{block.line}")
    for page in PAGES
    for preamble, *others in [sections(page)]
    for section in others
    for block in section.blocks
    if block.language == "python" and not block.title and "skip" not in block.words
]


def _write(blocks: list[Block], folder: Path) -> None:
    for block in blocks:
        if block.title:
            (folder / block.title).write_text(block.text)


@pytest.mark.parametrize(("preamble", "section", "block"), EXAMPLES)
def test_example(preamble: Section, section: Section, block: Block, inside: pytest.Pytester, app: Path) -> None:
    folder = inside.path
    for generated in app.glob("user_pb2*.py"):
        shutil.copy(generated, folder)
    shutil.copytree(ROOT / "protos", folder / "protos")
    (folder / "stubs").mkdir()
    inside.syspathinsert(folder)
    _write(preamble.blocks, folder)
    _write(section.blocks, folder)
    options = ["-o", "asyncio_mode=auto"] if "asyncio" in block.words else []
    text = block.text
    with ExitStack() as stack:
        if "shared" in block.words:
            shared = stack.enter_context(shared_server(folder))
            options.append(f"--grpcmock-target={shared.target}")
            text = text.replace("127.0.0.1:50051", shared.target)
        name = "test_example.py" if "def test_" in text else "program.py"
        (folder / name).write_text(text)
        if name == "program.py":
            (folder / "test_example.py").write_text("def test_program():\n    import program\n")
        result = inside.runpytest(*options)
    if "fails" not in block.words:
        outcomes = result.parseoutcomes()
        assert set(outcomes) <= {"passed", "warnings"}, str(result.stdout)
        assert outcomes["passed"] == block.items
        return
    assert result.parseoutcomes() == {"failed": block.text.count("def test_")}
    shown = "\n".join(".*".join(map(re.escape, line.split("…"))) for line in block.said.splitlines())
    assert re.search(shown, str(result.stdout)), str(result.stdout)


def test_every_setting_of_the_page_is_one() -> None:
    """The ini block is real: each key in it is one that the plugin knows, with its default."""
    keys = re.findall(r"^(grpcmock_\w+) =", PAGE.read_text(), re.MULTILINE)
    from grpcmock.pytest_plugin import config

    source = Path(config.__file__).read_text()
    assert keys
    assert all(f'"{key}"' in source for key in keys)
    assert set(re.findall(r'addini\(\s*"(\w+)"', source)) == set(keys)
