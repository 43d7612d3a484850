"""A failure as a script for bash: lines of grpcurl, the values that one answer has for the next, and their statuses."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from grpcmock.fuzz.replay.replayer import MISSING, TURNED_AWAY, makes_room
from grpcmock.fuzz.reproducers import grpcurl_line
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.script import filled, json_text, response_path, script_of, statuses_of
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.fuzz.reproducers.script import Demand, Script
    from grpcmock.schema import Registry

_SCRIPT = """\
#!/usr/bin/env bash
{title}
# {promise}
# It ends with 0 if that is so, with 1 if it isn't, with 2 if it can't be found out, and with 3 if the calls don't come
# to where it was seen: data may be missing, or credentials. It needs grpcurl.
set -euo pipefail

target="${{GRPCMOCK_TARGET:-{address}}}"
options=({options})
answers=$(mktemp -d)
trap 'rm -r "$answers"' EXIT

# call NAME ARGUMENT...: the status is then in $NAME, as a number, and the answer in a file of that name.
call() {{
  local name=$1 status=0
  shift
  grpcurl "${{options[@]}}" "$@" >"$answers/$name" 2>"$answers/$name.error" || status=$?
  if ((status != 0 && status < 64)); then # from 64 on it is the server's
    cat "$answers/$name.error" >&2
    exit 2
  fi
  printf -v "$name" %d $((status == 0 ? 0 : status - 64))
}}
{reaching}
# fail NAME: tell what came instead.
fail() {{
  echo "{promise_short} $1 ended with status ${{!1}}." >&2
  cat "$answers/$1.error" >&2
  exit 1
}}
{value}
{body}
"""

_REACHING = """
# unless NAME STATUS...: nothing can be seen behind a call that now ends with one of these.
unless() {
  local name=$1 status
  shift
  for status; do
    if ((${!name} == status)); then
      echo "Not seen: a call that the others rest on ended with status $status." >&2
      cat "$answers/$name.error" >&2
      exit 3
    fi
  done
}
"""

_VALUE = """
# the NAME: read one value, as JSON, from standard input.
the() {
  local value
  IFS= read -r value || value=
  value=${value%,}
  [[ -n $value ]] || { echo "$1 has no such value: $(cat "$answers/$1")" >&2; exit 2; }
  printf %s "$value"
}
"""

_UNNAMED = "unused"
"""The name of an answer that nobody asks for."""

_WORD = "\0"
"""Stands around what the shell fills in, until the rest is quoted."""


def write(case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None) -> str:
    """Write the script. Raises :class:`NotSayableError` for what grpcurl can't send, and what no status tells."""
    del result
    script = script_of(case_file, registry)
    demands = statuses_of(script)
    options = ["-emit-defaults", *grpcurl_line.connection(target), *grpcurl_line.descriptors(case_file)]
    body = [
        *chain.from_iterable(_lines(index, script, case_file, target, registry) for index in range(len(script.calls))),
        *(_assertion(script.names[index], demand) for index, demand in demands.items()),
    ]
    has_values = any(call.bindings for call in script.calls)
    return _SCRIPT.format(
        title=_wrapped(f"{script.check.code} {script.check.name}, found as {case_file.id}: {case_file.case.why}."),
        promise=_comment(script.check.title),
        promise_short=re.sub(r'["$`\\]', "", _comment(script.check.title)),
        address=target.address.removeprefix("unix:"),
        options=shlex.join(options),
        reaching=_REACHING if any(line.startswith("unless ") for line in body) else "",
        value=_VALUE if has_values else "",
        body="\n".join(body),
    )


def _lines(index: int, script: Script, case_file: CaseFile, target: Target, registry: Registry) -> Iterator[str]:
    """Yield the line of a call, and one that says where nothing follows from what comes after it."""
    yield _call(index, script, case_file, target, registry)
    codes = _ends_in_vain(index, script, case_file)
    if codes:
        numbers = " ".join(str(code.value) for code in codes)
        yield f"unless {script.names[index] or _UNNAMED} {numbers} # {', '.join(code.name for code in codes)}"


def _ends_in_vain(index: int, script: Script, case_file: CaseFile) -> list[Code]:
    """Return the statuses of a call by which it doesn't come to what it was made for, as a replay sees it."""
    method, demand = script.calls[index].method, script.demands.get(index)
    if method is None or index >= len(case_file.seen) or index > max(script.demands):
        return []
    before = case_file.seen[index].code
    codes = {code for code in TURNED_AWAY if code != before}
    if before == Code.OK and not makes_room(method, case_file):
        codes |= MISSING
    if demand is not None:
        codes -= set(demand.codes)
    return sorted(codes)


def _call(index: int, script: Script, case_file: CaseFile, target: Target, registry: Registry) -> str:
    call = script.calls[index]
    trees = filled(call, grpcurl_line.messages(call, registry), lambda number, path: _reference(number, path, script))
    words = ["call", script.names[index] or _UNNAMED, *grpcurl_line.headers(case_file, call, target)]
    if trees:
        words += ["-d", " ".join(map(json_text, trees))]
    if call.deadline is not None:
        words += ["-max-time", f"{call.deadline:g}"]
    return f'{" ".join(map(_quoted, words))} "$target" {call.path.removeprefix("/")}'


def _quoted(word: str) -> str:
    """Return a word for the shell, in which references stay open for it."""
    parts = word.split(_WORD)
    if len(parts) == 1:
        return shlex.quote(word)
    return "".join(f'"{part}"' if number % 2 else shlex.quote(part) for number, part in enumerate(parts) if part)


def _reference(index: int, path: Path, script: Script) -> str:
    """Return what reads a value out of the JSON of an answer, which has one field on each line."""
    name, method = script.names[index], script.calls[index].method
    assert method is not None
    *way, last = response_path(method, path)
    filters = list(_narrowed(way))
    depth = 2 * (len(way) + 1)
    if isinstance(last, int):
        # A list of scalars: its items stand on the lines after that which opens it.
        filters.append(rf"sed -n '{last + 2}{{s/^ *//;p;}}'")
    else:
        filters.append(rf"""sed -n 's/^ \{{{depth}\}}"{last}": //p'""")
    first, *others = filters
    pipe = " | ".join((f'{first} "$answers/{name}"', *others, f"the {name}"))
    return f"{_WORD}$({pipe}){_WORD}"


def _narrowed(way: list[str | int]) -> Iterator[str]:
    for number, step in enumerate(way):
        if isinstance(step, int) or not re.fullmatch(r"\w+", step):
            raise NotSayableError("a value stands in a list of an answer, out of reach for a script; see --as pytest.")
        indent = rf"^ \{{{2 * (number + 1)}\}}"
        yield rf"""sed -n '/{indent}"{step}": [{{[]/,/{indent}[]}}]/p'"""


def _assertion(name: str, demand: Demand) -> str:
    sign, joint = ("!=", " && ") if demand.is_one else ("==", " || ")
    condition = joint.join(f"${name} {sign} {code.value}" for code in demand.codes)
    return f"if [[ {condition} ]]; then fail {name}; fi # {', '.join(code.name for code in demand.codes)}"


def _comment(text: str) -> str:
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())


def _wrapped(text: str) -> str:
    return "\n".join(f"# {line}" for line in textwrap.wrap(_comment(text), 110))
