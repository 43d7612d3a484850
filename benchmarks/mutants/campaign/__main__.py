"""Try services with bugs, one at a time, and the same services without any.

``python -m benchmarks.mutants.campaign [--service NAME] [--source SOURCE] [--sample N] [--seeds N] [--jobs N]``

Each result is a line in the file of ``--records``; what is there from the same commit isn't measured again.
``--tables`` writes the tables of that file into the README, and measures nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.mutants.campaign import figures
from benchmarks.mutants.campaign.judging import Alarms, fuzz, judge
from benchmarks.mutants.campaign.records import Records, commit
from benchmarks.mutants.campaign.suspects import CLEAN, Source, Suspect, chosen_services, suspects, untried
from benchmarks.mutants.services.building import BuildError

README = Path(__file__).parent.parent / "README.md"
RECORDS = Path("campaign.jsonl")

Work = tuple[str, dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]]]
"""What is run: its key, its conditions, and the function that makes a record under them."""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def try_suspect(suspect: Suspect, alarms: Alarms, conditions: dict[str, Any]) -> dict[str, Any]:
    """Judge one suspect, and tell."""
    judged = judge(suspect, alarms, seed=conditions["seed"], max_time=conditions["max_time"])
    when = "" if judged.seconds is None else f" after {judged.seconds:.1f} s"
    _say(f"{suspect.key}: {judged.verdict} {judged.code}{when} {' '.join(judged.others)} {judged.trouble}".rstrip())
    return {**asdict(judged), "kind": suspect.kind, "effect": suspect.effect, "about": suspect.about, **conditions}


def try_clean(service: str, conditions: dict[str, Any]) -> dict[str, Any]:
    """Run against a service without a bug; every failure is a false alarm."""
    with tempfile.TemporaryDirectory() as folder:
        run = fuzz(service, CLEAN, Path(folder), seed=conditions["seed"], max_time=conditions["max_time"])
    failures: Sequence[dict[str, Any]] = run.report["failures"] if run.report else ()
    told = ("id", "code", "method", "case", "why", "expected", "actual", "request", "flaky")
    alarms = [{name: one.get(name) for name in told} for one in failures]
    key = f"{service}/{CLEAN}"
    reached = f"{len(run.reach.first_ok)} of {len(run.reach.methods)} methods answered OK"
    _say(f"{key}, seed {conditions['seed']}: {run.trouble or f'{len(alarms)} false alarms'}, {reached}")
    record = {"key": key, "alarms": alarms, "methods": run.reach.methods, "first_ok": run.reach.first_ok}
    return {**record, "took": run.took, "trouble": run.trouble, **conditions}


def tables(records: Records) -> dict[str, str]:
    """What the records say of bugs, and of services without any; without those of which there are none."""
    every = list(records.read())
    judged = [one for one in every if "verdict" in one]
    clean = [one for one in every if "alarms" in one and not one["trouble"]]
    made = {"bugs": figures.bugs(judged) if judged else "", "clean": figures.clean(clean) if clean else ""}
    return {name: text for name, text in made.items() if text}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutants.campaign", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--service", action="append", default=[], metavar="NAME", help="repeatable (default: all)")
    parser.add_argument(
        "--source", action="append", default=[], type=Source, choices=list(Source), help="of bugs; repeatable"
    )
    parser.add_argument("--kept-out", action="store_true", help="those services, too, that nobody may fit a fuzzer to")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="so many bugs of each service and source, the same for each draw"
    )
    parser.add_argument(
        "--draw", type=int, default=1, metavar="N", help="which sample: each number is another one (default: 1)"
    )
    parser.add_argument("--no-bugs", action="store_true", help="try the services without a bug only")
    parser.add_argument("--seed", type=int, default=1, help="of the runs against bugs (default: 1)")
    parser.add_argument(
        "--seeds", type=int, default=0, metavar="N", help="runs against each clean service (default: none)"
    )
    parser.add_argument("--max-time", type=float, default=30.0, metavar="SECONDS", help="of each run (default: 30)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at once (default: 1)")
    parser.add_argument("--records", type=Path, default=RECORDS, metavar="FILE", help=f"(default: {RECORDS})")
    parser.add_argument(
        "--tables", action="store_true", help="write the tables of the records into the README, and end"
    )
    options = parser.parse_args(arguments)
    try:
        options.services = chosen_services(options.service, kept_out=options.kept_out)
    except LookupError as error:
        parser.error(str(error))
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    records = Records(options.records)
    if options.tables:
        for name, text in tables(records).items():
            figures.put(README, name, text)
        return 0
    lacking = untried(options.services)
    for name, tool in lacking.items():
        _say(f"{name} isn't tried: there is no {tool} on this machine.")
    services = [name for name in options.services if name not in lacking]
    chosen = [] if options.no_bugs else suspects(services, options.source or list(Source), options.sample, options.draw)
    alarms = Alarms()
    same = {"max_time": options.max_time, "commit": commit()}
    work: list[Work] = [(one.key, {"seed": options.seed, **same}, partial(try_suspect, one, alarms)) for one in chosen]
    for seed in range(1, options.seeds + 1):
        work += [(f"{name}/{CLEAN}", {"seed": seed, **same}, partial(try_clean, name)) for name in services]
    left = [one for one in work if not records.has(key=one[0], **one[1])]
    _say(f"{len(left)} of {len(work)} runs to make, {options.jobs} at once.")

    def make(one: Work) -> None:
        key, conditions, run = one
        try:
            records.add(run(conditions))
        except BuildError as error:
            _say(f"{key}: {error}")

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(make, left))
    print("\n\n".join(tables(records).values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
