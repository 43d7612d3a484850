"""The text of every failure, as it is shown to the user: ``failures/NAME.py`` prints ``failures/NAME.txt``.

Set ``GRPCMOCK_UPDATE_SNAPSHOTS=1`` to write the texts anew; then read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

FAILURES = Path(__file__).parent / "failures"

_VARYING = (
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0xADDRESS"),
    (re.compile(r" in \d+\.\d+s"), " in 0.00s"),
    (re.compile(r"\d+(\.\d+)? ms\b"), "N ms"),
    # gRPC core may tell that the server has gone, if the tested code left its channel open.
    (re.compile(r"\n-+ Captured stderr teardown -+(?:\n[IWE]\d{4} .*)+"), ""),
    (re.compile(r"^ *[~^]+\n", re.MULTILINE), ""),  # which part of a line went wrong: not the same in all Pythons
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def _shown(text: str, folder: Path) -> str:
    """Give what pytest says of failures and errors, without what varies from run to run."""
    begin = re.search(r"^=+ (ERRORS|FAILURES) =+$", text, re.MULTILINE)
    assert begin, text
    end = text.find("= short test summary info")
    text = text[begin.start() : end].rpartition("\n")[0].replace(f"{folder}{os.sep}", "")
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return text + "\n"


@pytest.mark.parametrize("case", sorted(FAILURES.glob("*.py")), ids=lambda case: case.stem)
def test_the_text_of_a_failure(case: Path, inside: pytest.Pytester) -> None:
    (inside.path / f"test_{case.stem}.py").write_text(case.read_text())
    result = inside.runpytest("--tb=short")
    assert result.ret == 1
    shown = _shown(str(result.stdout), inside.path)
    stored = case.with_suffix(".txt")
    if os.environ.get("GRPCMOCK_UPDATE_SNAPSHOTS"):
        stored.write_text(shown)
    assert shown == stored.read_text()
