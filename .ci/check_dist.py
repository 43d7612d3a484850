"""Check what a built wheel and source distribution hold: everything that is needed, nothing that isn't."""

from __future__ import annotations

import json
import re
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any

IN_WHEEL = (
    "grpcmock/__init__.py",
    "grpcmock/__main__.py",
    "grpcmock/py.typed",
    "grpcmock/schema/proto/grpcmock/admin/v1/admin.proto",
)
IN_SDIST = ("LICENSE", "README.md", "grpcmock/__init__.py", "hatch_build.py", "protos/user.proto", "pyproject.toml")


def wheel_problems(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        tops = {name.split("/", 1)[0] for name in names}
        problems = [f"{needed} is missing" for needed in IN_WHEEL if needed not in names]
        problems += [f"{top}/ doesn't belong there" for top in tops if top != "grpcmock" and ".dist-info" not in top]
        problems += [f"{name} doesn't belong there" for name in names if "__pycache__" in name or "/tests/" in name]
        info = next(top for top in tops if top.endswith(".dist-info"))
        metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
        if not str(metadata.get_payload()).strip():
            problems.append("the metadata has no long description")
        problems += [
            f"the metadata lacks {key}" for key in ("License-Expression", "Requires-Python") if key not in metadata
        ]
        if "grpcmock = grpcmock.__main__:main" not in wheel.read(f"{info}/entry_points.txt").decode():
            problems.append("the command grpcmock is missing")
        if not any(name.startswith(f"{info}/licenses/") for name in names):
            problems.append("the license is missing")
        bills = [json.loads(wheel.read(name)) for name in names if name.startswith(f"{info}/sboms/")]
    return problems + bill_problems(bills, metadata)


def bill_problems(bills: list[dict[str, Any]], metadata: Message) -> list[str]:
    """Hold the bill of materials against the metadata: this wheel, and every package that it asks for."""
    if [one.get("bomFormat") for one in bills] != ["CycloneDX"]:
        return [f"{len(bills)} bills of materials are in sboms/: one of CycloneDX was expected"]
    [bill] = bills
    described = bill["metadata"]["component"]
    problems = [
        f"the bill of materials is of {key} {described[key.lower()]}, the wheel of {metadata[key]}"
        for key in ("Name", "Version")
        if described[key.lower()] != metadata[key]
    ]
    listed = {component["name"] for component in bill["components"]}
    asked = {_normal(re.split(r"[^\w.-]", text, maxsplit=1)[0]) for text in metadata.get_all("Requires-Dist", ())}
    missing, foreign = asked - listed - {_normal(metadata["Name"])}, listed - asked
    problems += [f"the bill of materials lacks {name}" for name in sorted(missing)]
    return problems + [f"the bill of materials has {name}, which the wheel doesn't ask for" for name in sorted(foreign)]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def sdist_problems(path: Path) -> list[str]:
    with tarfile.open(path) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    problems = [f"{needed} is missing" for needed in IN_SDIST if needed not in names]
    return problems + [f"{name} doesn't belong there" for name in names if "__pycache__" in name or ".venv" in name]


def main(folder: Path) -> int:
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        print(f"expected one wheel and one source distribution in {folder}: {sorted(folder.iterdir())}")
        return 1
    problems = [f"{wheels[0].name}: {text}" for text in wheel_problems(wheels[0])]
    problems += [f"{sdists[0].name}: {text}" for text in sdist_problems(sdists[0])]
    for line in problems or [f"{wheels[0].name} and {sdists[0].name} are fine"]:
        print(line)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
