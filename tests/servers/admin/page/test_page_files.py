"""The page as it is served: whole, and with what keeps it safe."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from grpcmock.protocols.http import Body, Head, RequestHead
from grpcmock.protocols.pages import Pages
from grpcmock.servers.admin.page_files import add_page

FOLDER = files("grpcmock.servers.admin").joinpath("page")
NAMES = sorted(file.name for file in FOLDER.iterdir())


def served(path: str) -> tuple[int, dict[str, str], bytes]:
    pages = Pages()
    add_page(pages)
    answer = pages.open(RequestHead("GET", path))
    assert answer is not None
    head, *rest = answer.parts
    assert isinstance(head, Head)
    return head.status, dict(head.headers), b"".join(part.data for part in rest if isinstance(part, Body))


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_served_and_nothing_is_run_that_is_not_one(name: str) -> None:
    status, headers, body = served("/" if name == "index.html" else f"/page/{name}")
    assert (status, body) == (200, FOLDER.joinpath(name).read_bytes())
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & set(" ".join(policy.values()).split())
    assert headers["x-content-type-options"] == "nosniff"


def test_nothing_stands_within_the_page_that_the_policy_forbids() -> None:
    text = FOLDER.joinpath("index.html").read_text()
    assert not re.findall(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=", text)


def test_the_page_names_all_its_modules_so_that_none_is_waited_for_to_learn_of_the_next() -> None:
    text = FOLDER.joinpath("index.html").read_text()
    named = re.findall(r'(?:src|rel="modulepreload" href)="page/([^"]+)"', text)
    assert sorted(named) == [name for name in NAMES if name.endswith(".js")]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    text = FOLDER.joinpath(name).read_text()
    assert set(re.findall(r"\bhttps?://[^\s\"'`)]+", text)) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith((".js", ".css"))])
def test_its_modules_are_short(name: str) -> None:
    assert len(FOLDER.joinpath(name).read_text().splitlines()) <= 350
