"""Try changes that the operators make of the services in Python, and keep a list of those that callers can see.

``python -m benchmarks.mutants.generated [SERVICE …] [--programs N]``
"""

from __future__ import annotations

import argparse
import ast
import resource
import sys
import time
from collections import Counter

from benchmarks.mutants.generated import spoken
from benchmarks.mutants.generated.listing import KEPT, LEFT_OUT, Generated, generated, read, turns, write
from benchmarks.mutants.generated.mutations import mutations
from benchmarks.mutants.generated.oracle import difference, programs, worst
from benchmarks.mutants.services.definition import SERVICES, Definition, service

_MOST_MEMORY = 3 * 2**30


def survey(definition: Definition, count: int) -> None:
    """Try changes of one service until enough can be seen, and write the list of them."""
    began = time.perf_counter()
    tried = programs(definition, count)
    source = definition.source.read_text()
    if (seen := difference(definition, ast.parse(source), tried)) is not None:
        raise SystemExit(f"{definition.name} isn't the same twice: {seen}")
    tree, changes = mutations(source)
    kept: list[Generated] = []
    effects: Counter[str] = Counter()
    for change in turns(changes):
        if len(kept) == KEPT:
            break
        with change.made():
            seen = difference(definition, tree, tried)
            if seen is not None and seen.effect not in LEFT_OUT:
                seen = worst(definition, tree, tried)
        effects[seen.effect if seen else "equivalent"] += 1
        if seen is not None and seen.effect not in LEFT_OUT:
            kept.append(generated(change, seen))
    summary = {"changes": len(changes), "tried": effects.total(), "calls": sum(map(len, tried)), "effects": effects}
    before = read(definition)
    write(definition, kept, summary)
    seconds = time.perf_counter() - began
    print(f"{definition.name}: {len(kept)} kept, {seconds:.0f} s: {summary}", flush=True)
    for gap in spoken.gaps(spoken.read(definition), kept, before):
        print(f"{definition.name}: {gap}", flush=True)


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
