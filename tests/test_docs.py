"""Each example in the README and the docs holds: stubs load, and each command shown prints what is shown.

Within one section of a page (a heading of any level begins one; a page with ``<!-- one example -->`` is one section):

- ```` ```yaml ```` blocks are stubs, served together. With ``title=NAME`` they get that name in the directory of the
  stubs, as do ``csv``, ``json``, ``jsonl``, ``proto``, ``toml`` and ``python`` blocks. A name with a slash
  (``./x.toml``, ``protos/shop.proto``) is a path in the current directory, and is written where the page has come to.
- ```` ```proto ```` is the proto they are for; ``protos/user.proto`` where there is none. A ``proto shared`` holds for
  all sections of the page, beside ``protos/user.proto``.
- ```` ```console ```` shows a session: lines that begin with ``$`` run, and what follows is their whole output. ``…``
  stands for anything. ``grpcmock call 127.0.0.1:50051 …`` talks to a server with the section's stubs. Where the section
  shows a ``grpcmock serve … &`` of its own, that one really runs, on another port, until the section ends. So does a
  ``grpcmock record … &`` or ``grpcmock serve --forward … &`` before it, which is at ``127.0.0.1:50052``; ``kill %1``
  ends that, and shows what it says then. ``curl`` lines run, too, where there is curl; ``127.0.0.1:8080`` is where a
  server of the section speaks HTTP/1.1.
- ```` ```yaml wrong ```` must not load; a following ```` ```text ```` block shows what is said.
- A block with the word ``skip`` after its language is shown and not run.

Messages are printed as on a terminal, in several lines, unless the page says that it has exported
``GRPCMOCK_CALL_COMPACT=1``.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import IO

import pytest
from click.testing import CliRunner

from grpcmock.cli import app
from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.errors import GrpcmockError
from grpcmock.matching.operators import OPERATORS
from grpcmock.responses import context, faults, functions
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host, HostOptions
from grpcmock.servers.transports import has_native
from grpcmock.stubs import parser, steps

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
ADDRESS = "127.0.0.1:50051"
BEFORE = "127.0.0.1:50052"
"""Of what passes calls on to the server at ``ADDRESS``."""
HTTP = "127.0.0.1:8080"
"""Where it speaks HTTP/1.1."""
ONE_EXAMPLE = "<!-- one example -->"
COMPACT = "GRPCMOCK_CALL_COMPACT=1"
_DATA = ("yaml", "csv", "json", "jsonl", "toml", "python")
_PATIENCE = 600
"""Seconds after which a program hangs, however busy the machine is."""
_LOOKS = 400
"""How often a file is looked at that may still be written."""


@dataclass
class Block:
    language: str
    words: list[str]
    text: str
    line: int

    @property
    def title(self) -> str:
        return next((word.removeprefix("title=") for word in self.words if word.startswith("title=")), "")


@dataclass
class Section:
    page: Path
    title: str
    line: int
    blocks: list[Block] = field(default_factory=list)

    def of(self, *languages: str) -> list[Block]:
        return [block for block in self.blocks if block.language in languages and "skip" not in block.words]

    @property
    def shared(self) -> list[Block]:
        return [b for section in sections(self.page) for b in section.of("proto") if "shared" in b.words]

    @property
    def compact(self) -> bool:
        return COMPACT in self.page.read_text()


def sections(page: Path) -> Iterator[Section]:
    section = Section(page, page.stem, 1)
    text = page.read_text()
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if re.match(r"#{1,6} ", line):
            if ONE_EXAMPLE not in text:
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
    if section.of("yaml", "console")
]


# --- Running a section ------------------------------------------------------------------------------------------------


@contextmanager
def _host(files: Files, *, http: bool) -> Iterator[tuple[str, str]]:
    """Serve in this process; gives the address, and that for HTTP."""
    loop = LoopThread()

    async def start() -> Host:
        host = Host(files, HostOptions(has_http=http))
        host.listen(Address.parse("127.0.0.1:0"))
        if http:
            host.listen_http(Address.parse("127.0.0.1:0"))
        await host.start()
        return host

    try:
        host = loop.run(start())
        yield str(host.addresses[0]), str(host.http_addresses[0]) if http else ""
        loop.run(host.stop(0))
    finally:
        loop.close()


class _Program:
    """A ``grpcmock serve`` or ``record`` of its own, as a page shows it."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self._out: IO[str] | None = None
        if ">" in words:
            at = words.index(">")
            self._out = Path(words[at + 1]).open("w")  # noqa: SIM115 - the server writes to it until it ends
            del words[at : at + 2]
        self._serves = False
        self.shows_address = "--listen" in words or bool(environment.get("GRPCMOCK_LISTEN"))
        listening = [] if self.shows_address or _configured("listen") else ["--listen", "127.0.0.1:0"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "grpcmock", *words[1:], *listening],
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=self._out or subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: Queue[str | None] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, *texts: str) -> str:
        """Wait for a line with one of these texts; give all that was said up to it."""
        said = ""
        while not any(text in said for text in texts):
            line = self._lines.get(timeout=_PATIENCE)
            assert line is not None, f"the server has ended: {said}"
            said += line
        return said

    def until_it_serves(self) -> str:
        """Wait until it serves, and so takes signals; give all that was said up to then."""
        said = self.until("Ctrl-C ends.")
        self._serves = True
        return said

    def last_words(self) -> str:
        """End it; give what it says then."""
        self.stop()
        return "".join(line for line in iter(self._lines.get_nowait, None) if line is not None)

    def stop(self) -> None:
        if self._process.returncode is not None:
            return
        try:
            if self._serves:  # one that begins has nothing to end well, and isn't what failed
                self._process.send_signal(signal.SIGTERM)
                assert self._process.wait(_PATIENCE) == 0, "the server didn't end well"
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            for stream in (self._process.stderr, self._out):
                if stream is not None:
                    stream.close()


def _configured(key: str) -> bool:
    file = Path("grpcmock.toml")
    return file.exists() and key in file.read_text()


class _Session:
    """Runs the commands of a section, in a directory of its own."""

    def __init__(self, section: Section, folder: Path, stack: ExitStack) -> None:
        self.section = section
        self.folder = folder
        self.environment = {"GRPCMOCK_CALL_COMPACT": "1" if section.compact else "0"}
        self._stack = stack
        self._program: _Program | None = None
        self._address = ""
        self._http_address = ""
        self._before: _Program | None = None
        self._before_address = ""
        self._code = 0
        serves = r"^\$ .*grpcmock serve(?!.* --forward).*&$"
        self._own = any(re.search(serves, block.text, re.MULTILINE) for block in section.of("console"))
        self._files = self._write()

    def _write(self) -> Files:
        """Write the stubs of a section, and what lies beside them."""
        section, folder = self.section, self.folder
        (folder / "stubs").mkdir()
        (folder / "protos").mkdir()
        protos = [block for block in section.of("proto") if "/" not in block.title and "shared" not in block.words]
        for number, block in enumerate(protos):
            (folder / "protos" / (block.title or f"example{number or ''}.proto")).write_text(block.text)
        if all("shared" in block.words or block.title.startswith("./") for block in section.of("proto")):
            for number, block in enumerate(section.shared):
                (folder / "protos" / f"shared{number or ''}.proto").write_text(block.text)
            (folder / "protos" / "user.proto").write_text((ROOT / "protos" / "user.proto").read_text())
        for number, block in enumerate(section.of(*_DATA), 1):
            if "wrong" in block.words or "/" in block.title or (block.language != "yaml" and not block.title):
                continue
            name = block.title or ("stubs.yaml" if not (folder / "stubs/stubs.yaml").exists() else f"{number}.yaml")
            (folder / "stubs" / name).write_text(block.text)
        return Files(protos=[Path("protos")], stubs=[Path("stubs")])

    def run(self) -> None:
        for block in self.section.of("console", "proto", *_DATA):
            if block.language == "console":
                for command, shown in _commands(block.text):
                    self._check(command, shown)
            elif "/" in block.title and "wrong" not in block.words:
                file = Path(block.title)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text)
                if self._program is not None and file.suffix in (".yaml", ".proto", ".csv"):
                    self._program.until("Reloaded:", "not taken")
        if not self._own and not self._address:  # the stubs must load, whether or not anything is called
            self._serve()

    def _serve(self) -> None:
        http = any(HTTP in block.text for block in self.section.of("console"))
        self._address, self._http_address = self._stack.enter_context(_host(self._files, http=http))

    def _check(self, command: str, shown: str) -> None:
        if command.startswith("cat "):  # what is written by a server, or by an editor, may still be on its way
            for _ in range(_LOOKS):
                printed = self._clean(Path(command.removeprefix("cat ")).read_text())
                if _matches(shown, printed):
                    return
                if self._program is None:
                    break
                Event().wait(0.05)
        else:
            printed = self._clean(self._printed(command))
        assert _matches(shown, printed), f"$ {command}\nshown:\n{shown}\n\nprinted:\n{printed}"

    def _clean(self, text: str) -> str:
        if self._address and not (self._program and self._program.shows_address):
            text = text.replace(self._address, ADDRESS)
        if self._before_address:
            text = text.replace(self._before_address, BEFORE)
        if self._http_address:
            text = text.replace(self._http_address, HTTP)
        return text.replace(f"{self.folder}/", "")

    def _printed(self, command: str) -> str:
        if command == "echo $?":
            return str(self._code)
        words = shlex.split(command, comments=True)
        if words[0] == "export":
            self.environment.update((name, value) for name, _, value in (word.partition("=") for word in words[1:]))
            return ""
        if words[0] == "mkdir":
            Path(words[-1]).mkdir()
            return ""
        stdin = None
        if "|" in words:
            at = words.index("|")
            assert words[0] in ("echo", "printf"), f"only echo and printf can be piped here: {command}"
            stdin = " ".join(words[1:at]).replace("\\n", "\n") + ("\n" if words[0] == "echo" else "")
            words = words[at + 1 :]
        environment = dict(self.environment)
        while re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            environment[name] = value
        if words[0] == "kill":
            assert words == ["kill", "%1"]
            assert self._before is not None
            return self._before.last_words()
        if words[0] == "curl":
            return self._curl(words)
        assert words[0] == "grpcmock", f"an example runs something other than grpcmock: {command}"
        if words[-1] == "&" and (words[1] == "record" or "--forward" in words):
            return self._start_before(words[:-1], environment)
        if "native" in words and not has_native():
            pytest.skip("the native transport isn't built")
        if words[-1] == "&":
            words = [word.replace(HTTP, "127.0.0.1:0") for word in words]
            self._program = _Program(words[:-1], environment)
            self._stack.callback(self._program.stop)
            said = self._program.until_it_serves()
            if found := re.search(r"http://(127\.0\.0\.1:\d+)", said):
                self._http_address = found[1]
            found = re.search(r"127\.0\.0\.1:\d+", said)
            self._address = found[0] if found else ""
            return said
        return self._grpcmock(words[1:], stdin, environment)

    def _curl(self, words: list[str]) -> str:
        if shutil.which("curl") is None:
            pytest.skip("there is no curl here")
        if not self._address:
            self._serve()
        words = [word.replace(HTTP, self._http_address) for word in words]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, check=False)
        self._code = ran.returncode
        return ran.stdout + ran.stderr

    def _start_before(self, words: list[str], environment: dict[str, str]) -> str:
        """Start what passes calls on to the server."""
        program = self._before = _Program(self._addressed(words), environment)
        self._stack.callback(program.stop)
        said = program.until_it_serves()
        addresses = re.findall(r"127\.0\.0\.1:\d+", said)
        self._before_address = next(address for address in addresses if address != self._address)
        return said

    def _addressed(self, words: list[str]) -> list[str]:
        """Put the real addresses in the place of those shown; start the server if there is none."""
        named = ADDRESS in words or f"grpc://{ADDRESS}" in words
        if (named or any(HTTP in word for word in words)) and not self._address:
            assert not self._own, "there is no server yet"
            self._serve()
        addresses = {ADDRESS: self._address, BEFORE: self._before_address}
        addresses |= {f"grpc://{shown}": f"grpc://{real}" for shown, real in addresses.items()}
        words = [addresses.get(word) or word for word in words]
        return [word.replace(HTTP, self._http_address or HTTP) for word in words]

    def _grpcmock(self, words: list[str], stdin: str | None, environment: dict[str, str]) -> str:
        words = self._addressed(words)
        result = CliRunner().invoke(app.cli, words, input=stdin, prog_name="grpcmock", env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        self._code = result.exit_code
        return result.output


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Split a console block into commands and what each prints."""
    command, output = "", []
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, "\n".join(output)
            command, output = line[2:], []
        elif command.endswith("\\"):
            command = command[:-1] + line.strip()
        elif _is_open(command):
            command += f"\n{line}"
        else:
            output.append(line)
    if command:
        yield command, "\n".join(output)


def _is_open(command: str) -> bool:
    """Whether a quotation goes on in the next line."""
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return True
    return False


def _matches(shown: str, printed: str) -> bool:
    pattern = ".*".join(map(re.escape, _even(shown).split("…")))
    return re.fullmatch(pattern, _even(printed), re.DOTALL) is not None


def _even(text: str) -> str:
    """Strip what can't be seen."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


@pytest.mark.parametrize("section", CASES)
def test_example(section: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GRPCMOCK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        _Session(section, tmp_path, stack).run()


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        pytest.param(case.values[0], block, id=f"{case.id}:{block.line}")
        for case in CASES
        for block in case.values[0].of("yaml")
        if "wrong" in block.words
    ],
)
def test_wrong_example(section: Section, wrong: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stubs = Path(wrong.title or "stubs.yaml")
    Path("protos").mkdir()
    for number, block in enumerate(section.shared):
        Path(f"protos/shared{number}.proto").write_text(block.text)
    Path("protos/user.proto").write_text((ROOT / "protos" / "user.proto").read_text())
    stubs.parent.mkdir(exist_ok=True)
    stubs.write_text(wrong.text)

    async def load() -> None:
        Host(Files(protos=[Path("protos")], stubs=[stubs]))

    with pytest.raises(GrpcmockError) as caught:
        asyncio.run(load())
    said = [block.text for block in section.blocks if block.language == "text" and block.line > wrong.line]
    assert said, "no text block shows what is said of the wrong example"
    assert _matches(said[0], str(caught.value)), f"shown:\n{said[0]}\n\nprinted:\n{caught.value}"


# --- The reference leaves nothing out ---------------------------------------------------------------------------------

FORMAT = ROOT / "docs" / "stub-format.md"
TEMPLATES = ROOT / "docs" / "templates.md"
COMMANDS = ROOT / "docs" / "commands.md"
SERVER = ROOT / "docs" / "server.md"


def _examples(page: Path) -> str:
    return "".join(block.text for section in sections(page) for block in section.of("yaml"))


@pytest.mark.parametrize("key", sorted(parser.STUB_KEYS))
def test_each_key_of_a_stub_has_a_heading_and_an_example(key: str) -> None:
    assert re.search(rf"^#+ .*`{key}`", FORMAT.read_text(), re.MULTILINE), f"no heading names `{key}`"
    assert re.search(rf"(^|[\s{{,]){key}:", _examples(FORMAT), re.MULTILINE), f"no example uses {key}"


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_each_operator_is_explained_and_has_an_example(operator: str) -> None:
    assert f"`{operator}" in FORMAT.read_text()
    assert re.search(rf"\{operator}\b", _examples(FORMAT)), f"no example uses {operator}"


@pytest.mark.parametrize("step", steps.STEPS)
def test_each_step_of_a_script_is_explained_and_has_an_example(step: str) -> None:
    assert f"`{step}" in FORMAT.read_text() or f"`- {step}" in FORMAT.read_text()
    assert re.search(rf"- {step}\b", _examples(FORMAT)), f"no example uses {step}"


@pytest.mark.parametrize("fault", sorted(faults.FAULTS))
def test_each_fault_is_explained_and_has_an_example(fault: str) -> None:
    assert f"`{fault}" in FORMAT.read_text()
    assert re.search(rf"fault: {{{fault}:", _examples(FORMAT)), f"no example uses {fault}"


@pytest.mark.parametrize(
    "name", [*context.VARIABLES, *(f"random.{function}" for function in functions.RANDOM_FUNCTIONS)]
)
def test_each_variable_of_templates_is_explained(name: str) -> None:
    assert re.search(rf"`{re.escape(name)}\b", TEMPLATES.read_text())


@pytest.mark.parametrize("command", app.COMMANDS)
def test_each_command_and_its_options_are_explained(command: str) -> None:
    found = app.cli.get_command(app.click.Context(app.cli), command)
    assert found is not None
    pages = {"serve": [SERVER], "run": [SERVER, COMMANDS]}.get(command, [COMMANDS])  # run takes all that serve does
    page = "".join(page.read_text() for page in pages)
    assert f"grpcmock {command}" in page
    options = {name for param in found.params for name in param.opts if name.startswith("--")}
    assert not {name for name in options if f"`{name}" not in page}, "these options aren't explained"


def test_the_table_of_commands_is_whole() -> None:
    assert re.findall(r"^\| \[`grpcmock ([\w-]+)`\]", COMMANDS.read_text(), re.MULTILINE) == list(app.COMMANDS)


def test_links_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in PAGES
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert not broken


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_into_pages_lead_to_headings() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}#{anchor}"
        for page in PAGES
        for link, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]*)\)", page.read_text())
        if "://" not in link and anchor not in _anchors(page.parent / link if link else page)
    ]
    assert not broken
