"""What the session's mock server is made of: from the ini file, the command line, the fixture ``grpcmock_config``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

import pytest

Unmatched = Literal["fail", "ignore"]
Unused = Literal["declared", "all", "none"]

CHOICES: Mapping[str, tuple[str, ...]] = {"unmatched": get_args(Unmatched), "unused": get_args(Unused)}
"""The settings that have a choice of words."""


ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "target": ("ADDRESS", "A mock server that runs already, for the tests to use"),
    "session": ("NAME", "The session of that server (default: a name that no other has)"),
    "admin_token": ("TOKEN", "The token of its admin service"),
}
"""The settings for a server that runs already, and what they mean. They may also stand in the environment."""


class Config(NamedTuple):  # a dataclass would cost every test run a millisecond, whether it has mocks or not
    """What the fixture ``grpcmock_config`` gives; override it to change any of this."""

    protos: Sequence[Any] = ()
    """``.proto`` files, directories, descriptor sets, generated modules, servicer classes.

    None are needed for methods that are named by a generated servicer.
    """

    stubs: Sequence[Any] = ()
    """Stub files and directories, loaded once and there for every test."""

    imports: Sequence[Any] = ()
    """Directories in which the imports of protos are looked up."""

    exclude: Sequence[str] = ()
    """Patterns of files and folders to leave out of the directories of protos, such as ``vendor``."""

    listen: str = "127.0.0.1:0"
    """The address; of a fixed port, each worker of pytest-xdist takes another one, counting up from it."""

    http: str = ""
    """Where gRPC-Web, Connect and JSON are spoken over HTTP/1.1, an address as ``listen``; empty for nowhere."""

    target: str = ""
    """Where a mock server runs already that the tests shall use, ``HOST:PORT``; empty for one of their own."""

    session: str = ""
    """The session of that server, with the worker of pytest-xdist added to it; without, one that no other has."""

    admin_token: str = ""
    """The token of its admin service."""

    unmatched: Unmatched = "fail"
    """Whether a call that no stub accepted fails the test: ``fail`` or ``ignore``."""

    unused: Unused = "declared"
    """Which stubs a test must use: those it ``declared`` in Python, ``all`` that it added in whatever way, ``none``."""

    options: Mapping[str, Any] = MappingProxyType({})
    """More keyword arguments of :class:`grpcmock.MockServer`, such as ``seed`` or ``auto``."""

    def replace(self, **changes: Any) -> Config:
        """Give the same settings but for *changes*. Raises ``pytest.UsageError`` for one that there isn't."""
        for name in changes:
            if name not in self._fields:
                hint = _hint(name, self._fields, "The settings")
                raise pytest.UsageError(f"grpcmock: there is no setting {name!r}. {hint}")
        return self._replace(**changes).checked()

    def checked(self) -> Config:
        """Give the same settings. Raises ``pytest.UsageError`` for a word that there isn't."""
        for name in CHOICES:
            check_choice(name, getattr(self, name), f"Config({name}=…)")
        return self._replace(protos=_several(self.protos), stubs=_several(self.stubs), imports=_several(self.imports))

    def __str__(self) -> str:
        parts = [
            f"protos {_listed(self.protos)}",
            f"stubs {_listed(self.stubs)}",
            f"target {self.target}" if self.target else f"listen {self.listen}",
            *([f"http {self.http}"] if self.http else []),
            f"unmatched {self.unmatched}",
            f"unused {self.unused}",
        ]
        return ", ".join(parts)


def _several(given: Any) -> Sequence[Any]:
    """Take one path, or module, for a list of one."""
    return given if isinstance(given, (list, tuple)) else (given,)


def check_choice(name: str, value: object, where: str) -> None:
    """Raise ``pytest.UsageError`` unless *value* is one of the words for this setting."""
    words = CHOICES[name]
    if value not in words:
        hint = _hint(str(value), words, "The words")
        raise pytest.UsageError(f"grpcmock: {where}: {value!r} is not one of {', '.join(words)}. {hint}".rstrip())


def _hint(word: str, known: Iterable[str], what: str) -> str:
    from grpcmock.errors import did_you_mean

    return did_you_mean(word, known, known=what)


def _listed(values: Sequence[Any]) -> str:
    return " ".join(map(_short, values)) if values else "none"


def _short(value: Any) -> str:
    if not isinstance(value, Path):
        return str(getattr(value, "__name__", value))
    try:
        return value.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(value)


def add_options(parser: pytest.Parser) -> None:
    """Declare the ini keys and the options of the command line."""
    parser.addini("grpcmock_protos", "Proto files, directories and descriptor sets of the mock server.", "paths")
    parser.addini("grpcmock_exclude", "Files and folders to leave out of the directories of protos.", "args")
    parser.addini("grpcmock_stubs", "Stub files and directories, there for every test.", "paths")
    parser.addini("grpcmock_listen", "Address of the mock server (default: 127.0.0.1:0).", default="")
    parser.addini("grpcmock_http", "Address for gRPC-Web, Connect and JSON over HTTP (default: none).", default="")
    parser.addini("grpcmock_target", "A mock server that runs already, for the tests to use.", default="")
    parser.addini("grpcmock_session", "The session of that server (default: one that no other has).", default="")
    parser.addini("grpcmock_unmatched", "Whether unmatched calls fail a test: fail (default), ignore.", default="")
    parser.addini("grpcmock_unused", "Which stubs a test must use: declared (default), all, none.", default="")
    parser.addini("grpcmock_record_redact", "Rules of what is secret in a recording, as --redact has them.", "linelist")
    parser.addini(
        "grpcmock_record_ignore_varying", "Rules of what differs each time, as --ignore-varying has them.", "linelist"
    )
    parser.addini("grpcmock_record_match_metadata", "Keys of request metadata that tell recorded calls apart.", "args")
    group = parser.getgroup("grpcmock", "grpcmock: mock servers for gRPC")
    group.addoption(
        "--grpcmock-show-calls",
        action="store_true",
        help="show the calls that each test made, of tests that passed, too",
    )
    group.addoption("--grpcmock-listen", metavar="ADDRESS", help="address of the mock server (ini: grpcmock_listen)")
    group.addoption(
        "--grpcmock-http",
        metavar="ADDRESS",
        help="address for gRPC-Web, Connect and JSON over HTTP/1.1 (ini: grpcmock_http)",
    )
    for name, (metavar, text) in ELSEWHERE.items():
        ini = f"ini: grpcmock_{name}; " if name != "admin_token" else ""
        group.addoption(
            f"--grpcmock-{name.replace('_', '-')}",
            metavar=metavar,
            help=f"{text[0].lower()}{text[1:]} ({ini}environment: {_variable(name)})",
        )
    group.addoption(
        "--grpcmock-record",
        metavar="TARGET",
        help="pass calls that no stub accepts on to the server at TARGET, and write its answers as stubs",
    )
    group.addoption(
        "--grpcmock-record-to",
        metavar="DIR",
        default="stubs/recorded",
        help="directory for recorded stubs (default: %(default)s, below the root directory)",
    )
    group.addoption(
        "--grpcmock-contract",
        metavar="FILE",
        help="write the stubs that answered calls as a contract, to hold the real server to; below the root directory",
    )
    group.addoption(
        "--grpcmock-consumer",
        metavar="NAME",
        help="whose contract that is (default: the name of the root directory)",
    )
    for name, words in CHOICES.items():
        group.addoption(
            f"--grpcmock-{name}", metavar="|".join(words), help=f"one of {', '.join(words)} (ini: grpcmock_{name})"
        )


def read(config: pytest.Config) -> Config:
    """Read the settings. Raises ``pytest.UsageError`` for a word that there isn't."""
    chosen: dict[str, Any] = {}
    for name in ("listen", "http", *CHOICES):
        option, ini = config.getoption(f"--grpcmock-{name}"), str(config.getini(f"grpcmock_{name}"))
        where = f"--grpcmock-{name}" if option else f"ini key grpcmock_{name}"
        if value := option or ini:
            if name in CHOICES:
                check_choice(name, value, where)
            chosen[name] = value
    for name in ("listen", "http"):
        if name in chosen:
            chosen[name] = _for_worker(chosen[name])
    for name in ELSEWHERE:
        ini = config.getini(f"grpcmock_{name}") if name != "admin_token" else ""
        option = config.getoption(f"--grpcmock-{name.replace('_', '-')}")
        if value := option or os.environ.get(_variable(name)) or ini:
            chosen[name] = value
    if "target" in chosen and config.getoption("--grpcmock-record"):
        raise pytest.UsageError(
            "grpcmock: --grpcmock-record needs a mock server in the process of the tests, and --grpcmock-target names "
            "one elsewhere. Leave one of them out."
        )
    chosen |= {name: tuple(config.getini(f"grpcmock_{name}")) for name in ("protos", "stubs", "exclude")}
    return Config(**chosen)


def _variable(name: str) -> str:
    return f"GRPCMOCK_PYTEST_{name.upper()}"


def worker() -> str:
    """Give the name of this worker of pytest-xdist; empty if there are none."""
    return os.environ.get("PYTEST_XDIST_WORKER", "")


def _for_worker(listen: str) -> str:
    """Give each worker of pytest-xdist a port of its own, where the port is fixed."""
    number = worker().removeprefix("gw")
    host, colon, port = listen.rpartition(":")
    if number.isdecimal() and colon and port.isdecimal() and int(port):
        return f"{host}:{int(port) + int(number)}"
    return listen
