"""What keeps a change in order: versions that are pinned in one place, and the check of commits."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


PINNED = {
    _normal(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==([^\s;]+)", (ROOT / "scripts/constraints.txt").read_text(), re.MULTILINE
    )
}
EXTRAS = [
    text
    for name, texts in PROJECT["project"]["optional-dependencies"].items()
    if name not in ("all", "native")  # the one is made of the others, the other is built from this repository
    for text in texts
]


@pytest.mark.parametrize("text", [*PROJECT["project"]["dependencies"], *EXTRAS, *PROJECT["dependency-groups"]["dev"]])
def test_every_dependency_is_pinned_for_development(text: str) -> None:
    name = re.match(r"[\w.-]+", text)
    assert name is not None
    assert _normal(name[0]) in PINNED, "Renew the constraints: scripts/lock"


def test_hooks_run_the_pinned_versions() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    revisions = {repo["repo"].rsplit("/", 1)[-1]: repo.get("rev") for repo in hooks["repos"]}
    assert revisions["ruff-pre-commit"] == f"v{PINNED['ruff']}"
    assert revisions["typos"] == f"v{PINNED['typos']}"


@pytest.mark.skipif(sys.platform == "win32", reason="the script is bash")
@pytest.mark.parametrize(
    ("subject", "complaint"),
    [
        ("Answer by the longest prefix", None),
        ("Pass what isn't known on", None),
        ("Need a token", None),
        ("A" + "x" * 71, None),
        ("A" + "x" * 72, "has 73 characters of at most 72"),
        ("answer sooner", "begins without a capital"),
        ("Answer sooner.", "ends in a full stop"),
        ("Answered sooner", 'isn\'t in the imperative ("Answered")'),
        ("Answering sooner", 'isn\'t in the imperative ("Answering")'),
        ("Answers sooner", 'isn\'t in the imperative ("Answers")'),
        ("Merge branches that nobody can name in so few characters as seventy-two are", None),
    ],
)
def test_the_subject_of_a_commit(tmp_path: Path, subject: str, complaint: str | None) -> None:
    message = tmp_path / "message"
    message.write_text(
        f"# On a branch.\n{subject}\n\nWhat is below the subject, is free in its length and its words.\n"
    )
    command = (str(ROOT / "scripts/check-commits"), "--message", str(message))
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == (complaint is not None), checked.stderr
    assert (complaint or "") in checked.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the script is bash")
def test_the_subjects_of_a_range(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(("git", *identity, *arguments), cwd=tmp_path, check=True, capture_output=True)

    git("init")
    for subject in ("Begun before the range", "Keep this", "Fixed that"):
        git("commit", "--allow-empty", "--no-verify", "--message", subject)
    command = (str(ROOT / "scripts/check-commits"), "HEAD~2..HEAD")
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert "Fixed that" in checked.stderr
    assert "Begun" not in checked.stderr
    assert "Keep" not in checked.stderr
