"""Try every change that the operators make of the services in Python, and keep a list of those that callers can see.

``python -m benchmarks.mutants.generated [SERVICE …] [--programs N]``
"""

from __future__ import annotations

import argparse
import ast
import copy
import resource
import sys
import time
from collections import Counter

from benchmarks.mutants.generated.listing import Generated, generated, write
from benchmarks.mutants.generated.mutations import mutations
from benchmarks.mutants.generated.oracle import difference, programs
from benchmarks.mutants.services.definition import SERVICES, Definition, service

_MOST_MEMORY = 3 * 2**30


def survey(definition: Definition, count: int) -> None:
    """Try all changes of one service, and write its list."""
    began = time.perf_counter()
    tried = programs(definition, count)
    calls = sum(map(len, tried))
    source = definition.source.read_text()
    assert difference(definition, ast.parse(source), tried) is None, f"{definition.name} isn't the same twice."
    tree, changes = mutations(source)
    bugs: list[Generated] = []
    for change in changes:
        with change.made():
            changed = ast.fix_missing_locations(copy.deepcopy(tree))
        seen = difference(definition, changed, tried)
        if seen is not None:
            bugs.append(generated(change.name, change.line, change.told(), seen))
    write(definition, bugs, len(changes), calls)
    effects = Counter(bug.effect for bug in bugs)
    seconds = time.perf_counter() - began
    print(f"{definition.name}: {len(bugs)} of {len(changes)} seen in {calls} calls, {seconds:.0f} s: {dict(effects)}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutants.generated", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="those to try (default: all)")
    parser.add_argument("--programs", type=int, default=100, metavar="N", help="of forty calls each (default: 100)")
    options = parser.parse_args(arguments)
    try:
        wanted = [service(name) for name in options.services] or [one for one in SERVICES.values() if one.in_python]
    except LookupError as error:
        parser.error(str(error))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    for definition in wanted:
        survey(definition, options.programs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
