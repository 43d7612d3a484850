"""The marker ``grpcmock``: what one test, class or module wants differently."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from grpcmock.pytest_plugin.config import CHOICES, Unmatched, Unused

NAME = "grpcmock"
HELP = (
    "grpcmock(stubs=[...], state={...}, unmatched='fail'|'ignore', unused='declared'|'all'|'none'): "
    "give a test a gRPC mock with these stubs and states, and say how strictly its calls are verified; "
    "markers of the module, the class and the test add up, the innermost wins."
)

_KEYS = ("stubs", "state", "unmatched", "unused")


class Marked(NamedTuple):
    """What all the markers of a test say together."""

    stubs: tuple[Any, ...] = ()
    """Files, directories, YAML text, stubs: the outermost marker's first."""

    state: Mapping[str, str] = MappingProxyType({})
    unmatched: Unmatched | None = None
    unused: Unused | None = None


def merged(item: pytest.Item) -> Marked:
    """Merge the markers of a test, its class and its module.

    Fails the test with everything that is wrong in them.
    """
    stubs: list[Any] = []
    state: dict[str, str] = {}
    words: dict[str, Any] = {}
    wrong: list[str] = []
    for node, marker in reversed(list(item.iter_markers_with_node(NAME))):
        wrong += _wrong(marker)
        folder = Path(getattr(node, "path", item.path))
        given = marker.kwargs.get("stubs", ())
        given = [given] if isinstance(given, (str, Path)) else given
        if isinstance(given, (list, tuple)):
            stubs += [_resolved(stub, folder if folder.is_dir() else folder.parent) for stub in given]
        if isinstance(marker.kwargs.get("state"), Mapping):
            state.update(marker.kwargs["state"])
        words.update({name: marker.kwargs[name] for name in CHOICES if name in marker.kwargs})
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    return Marked(tuple(stubs), state, words.get("unmatched"), words.get("unused"))


def _wrong(marker: pytest.Mark) -> list[str]:
    from grpcmock.errors import did_you_mean

    where = f"@pytest.mark.{NAME}"
    found = []
    if marker.args:
        found.append(f"{where} takes keyword arguments only: {', '.join(_KEYS)}. Not {marker.args[0]!r}.")
    for name, value in marker.kwargs.items():
        if name not in _KEYS:
            found.append(f"{where} has no {name!r}. {did_you_mean(name, _KEYS, known='The keys')}")
        elif name in CHOICES and value not in CHOICES[name]:
            hint = did_you_mean(str(value), CHOICES[name])
            found.append(f"{where}({name}=…): {value!r} is not one of {', '.join(CHOICES[name])}. {hint}".rstrip())
        elif name == "state" and not (
            isinstance(value, Mapping) and all(isinstance(word, str) for pair in value.items() for word in pair)
        ):
            found.append(f"{where}(state=…) takes a mapping of scenarios to states, both strings; not {value!r}.")
        elif name == "stubs" and not isinstance(value, (str, Path, list, tuple)):
            found.append(f"{where}(stubs=…) takes a list of paths, YAML texts or stubs; not {value!r}.")
    return found


def _resolved(stub: Any, folder: Path) -> Any:
    """Take a path as beside the file that the marker stands in. A text of several lines is YAML."""
    if isinstance(stub, Path) or (isinstance(stub, str) and "\n" not in stub):
        return folder / stub
    return stub
