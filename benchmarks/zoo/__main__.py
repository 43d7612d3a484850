"""Lead every command past APIs that others wrote: ``python -m benchmarks.zoo [PACKAGE …]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.zoo.environment import Environment
from benchmarks.zoo.packages import PACKAGES, package
from benchmarks.zoo.programs import ROOT
from benchmarks.zoo.specimen import Collector
from benchmarks.zoo.steps import Limits, visit
from benchmarks.zoo.table import markdown

if TYPE_CHECKING:
    from benchmarks.zoo.outcome import Visit

_PAGE = Path(__file__).with_name("README.md")
_MARK = "<!-- The rest is written by ./scripts/zoo --write. -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="zoo", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="Only these.")
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv-zoo", help="Where they are installed.")
    parser.add_argument("--fuzz-seconds", type=float, default=Limits().fuzz_seconds)
    parser.add_argument("--write", action="store_true", help="Write the table to benchmarks/zoo/README.md.")
    options = parser.parse_args()
    chosen = [package(name) for name in options.packages] or PACKAGES
    environment = Environment.made(options.environment)
    for name in environment.install(chosen):
        _say(f"{name}: can't be installed here")
    collector = Collector(environment)
    limits = Limits(fuzz_seconds=options.fuzz_seconds)
    visits: list[Visit] = []
    for one in chosen:
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            try:
                specimen = collector.collect(one, Path(folder) / "specimen")
            except LookupError as error:
                _say(f"{one.name}: skipped, {error}")
                continue
            visits.append(visit(specimen, Path(folder), limits))
        for name, outcome in visits[-1].outcomes.items():
            _say(f"{one.name} {name}: {outcome.verdict.name.lower()} {outcome.seconds:.1f} s {outcome.detail}".rstrip())
    text = markdown(visits)
    print(text)
    if options.write:
        above, mark, _ = _PAGE.read_text().partition(_MARK)
        _PAGE.write_text(f"{above}{mark}\n{text}")
    sys.exit(any(one.failed for one in visits))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
