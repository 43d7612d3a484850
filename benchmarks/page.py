"""The page with a full journal, in a real browser: opened, filtered, watched live: ``python -m benchmarks.page``."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import ROOT, cpu_seconds, grpcmock, table
from benchmarks.peers import PROTO
from benchmarks.transport.pipelining import ask_all

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
GET = "/user.UserService/GetUser"

STUBS = """
- name: alice
  method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: Alice, email: alice@example.com}
- name: anybody
  method: user.UserService/GetUser
  request: {id: {$gte: 1000}}
  response: {id: "{{ request.id }}", name: "User {{ request.id }}"}
"""

SEEN = """
() => {
  const seen = (window.seen = {});
  const look = new MutationObserver(() => {
    if (!document.querySelector(".list .row")) return;
    look.disconnect();
    seen.rows = performance.now();
    requestAnimationFrame(() => setTimeout(() => { seen.painted = performance.now() }));
  });
  look.observe(document, { childList: true, subtree: true });
}
"""
"""Takes the times at which the first rows are in the document, and on the screen."""


@dataclass
class Browser:
    """A browser, and the processor time of all that belongs to it."""

    running: Any
    started: int

    def page(self) -> Any:
        page = self.running.new_context(viewport={"width": 1280, "height": 800}, bypass_csp=True).new_page()
        page.set_default_timeout(600_000)
        return page

    def cpu(self) -> float:
        return sum(cpu_seconds(pid) for pid in _descendants(self.started))


class Server:
    """A mock server in a process of its own, with its page."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, admin: str) -> None:
        self.process, self.port, self.url = process, port, f"http://{admin}/"

    def fill(self, calls: int) -> None:
        """Make calls: half of them alike, half of them each with another answer, and some that are missed."""
        draw = random.Random(0)
        kinds = [b"\x08\x01" if draw.random() < 0.5 else _id(1_000 + number) for number in range(calls)]
        for number in draw.sample(range(calls), calls // 100):
            kinds[number] = _id(2 + number % 100)
        ask_all(self.port, GET, kinds)

    def newest(self) -> int:
        """Return the id of the call that ended last."""
        with urllib.request.urlopen(f"{self.url}v1/calls?newest=true&limit=1&brief=true", timeout=60) as answer:
            return int(json.load(answer)["calls"][0]["id"])

    def cpu(self) -> float:
        return cpu_seconds(self.process.pid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000, help="in the journal when the page is opened")
    parser.add_argument("--rounds", type=int, default=7, help="how often it is opened, and filtered in each way")
    parser.add_argument("--rate", type=int, default=2_000, help="calls a second, live")
    parser.add_argument("--seconds", type=int, default=10, help="how long they come")
    options = parser.parse_args()
    if CHROMIUM is None or shutil.which("h2load") is None:
        sys.exit("Chromium and h2load are needed. Debian: apt-get install chromium nghttp2-client")
    with serving() as server, browsing() as browser:
        server.fill(options.calls)
        opened(server, browser, options.rounds)
        filtered(server, browser, options.rounds)
        live(server, browser, options.rate, options.seconds)


def opened(server: Server, browser: Browser, rounds: int) -> None:
    """Tell how long it takes until the calls are seen, and who takes that time."""
    rows = []
    for _ in range(rounds + 1):
        page = browser.page()
        # The process of a page is there before it is needed, as it is in a browser that somebody uses.
        page.goto(f"{server.url}openapi.json")
        page.add_init_script(f"({SEEN})()")
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = _metrics(devtools)
        served, drawn = server.cpu(), browser.cpu()
        page.goto(server.url)
        page.wait_for_function("window.seen.painted")
        took = page.evaluate("window.seen.painted")
        spent = [after - one for one, after in zip(before, _metrics(devtools), strict=True)]
        rows.append((took, 1e3 * (server.cpu() - served), 1e3 * (browser.cpu() - drawn), *(1e3 * one for one in spent)))
        page.context.close()
    names = (
        "the first rows are seen, after",
        "processor: server",
        "browser, all of it",
        "… scripts",
        "… layout",
        "… tasks",
    )
    table(
        f"Opened with {server.newest():,} calls, ms: {rounds} times, the first one left out",
        ("", "median", "at least", "at most"),
        [(name, *_spread(column)) for name, column in zip(names, zip(*rows[1:], strict=True), strict=True)],
    )


def _metrics(devtools: Any) -> list[float]:
    """Give the seconds of the processor that a page has taken: for scripts, for layout, for everything."""
    told = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    return [told["ScriptDuration"], told["LayoutDuration"] + told["RecalcStyleDuration"], told["TaskDuration"]]


def filtered(server: Server, browser: Browser, rounds: int) -> None:
    """Tell how long it takes from a key to what it leaves, for texts that many calls have, few, and none."""
    page = browser.page()
    page.goto(server.url)
    page.wait_for_selector(".list .row")
    rows = []
    search = page.get_by_label("Text")
    settled = "document.querySelector('.list').ariaBusy === 'false'"
    for text in ("alice", "user 5000", "nothing like it", "5000"):
        took, cost = [], []
        for _ in range(rounds):
            search.fill("")
            with page.expect_response(lambda told, sought=text[:-1]: sought in _asked(told.url).get("text", ())):
                search.press_sequentially(text[:-1])  # else what that costs would be taken for the last key's
            page.wait_for_function(settled)
            before, began = server.cpu(), time.perf_counter()
            search.press_sequentially(text[-1])
            page.wait_for_function(settled)
            took.append(1e3 * (time.perf_counter() - began))
            cost.append(1e3 * (server.cpu() - before))
        rows.append((f"“{text}”, after the last key", *_spread(took), statistics.median(cost)))
    table(
        "Filtered, ms from the last key (150 of them are waited for another one)",
        ("", "median", "at least", "at most", "processor of the server"),
        rows,
    )
    page.context.close()


def _asked(url: str) -> dict[str, list[str]]:
    """Give what the query of a request for a list of calls says."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.parse_qs(parts.query) if parts.path.endswith("/v1/calls") else {}


def live(server: Server, browser: Browser, rate: int, seconds: int) -> None:
    """Tell how far the page is behind while calls come, and when it has caught up."""
    page = browser.page()
    page.goto(server.url)
    page.wait_for_selector(".list .row")
    page.wait_for_selector(".live[data-state=live]")
    newest = "Number(document.querySelector('.list .row')?.id.slice(4) ?? 0)"
    before = server.newest()
    with tempfile.NamedTemporaryFile() as body:
        body.write(b"\0\0\0\0\x02\x08\x01")
        body.flush()
        load = [f"--rps={rate // 4}", f"-n{rate * seconds}", "-c4", "-m8", f"-d{body.name}"]
        headers = [f"-H{pair}" for pair in ("content-type: application/grpc", "te: trailers")]
        served, drawn, began = server.cpu(), browser.cpu(), time.perf_counter()
        command = [shutil.which("h2load") or "", *load, *headers, f"http://127.0.0.1:{server.port}{GET}"]
        loading = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        behind = []
        while loading.poll() is None:
            there = server.newest()
            behind.append(there - page.evaluate(newest))
            page.wait_for_timeout(200)
        took = time.perf_counter() - began
    last, ended = server.newest(), time.perf_counter()
    page.wait_for_function(f"{newest} >= {last}")
    caught = time.perf_counter() - ended
    spent = (server.cpu() - served) / took, (browser.cpu() - drawn) / took
    table(
        f"Live: {last - before:,} calls in {took:.1f} s",
        ("", ""),
        [
            ("calls behind what the server has: median", statistics.median(behind)),
            ("… at most", max(behind)),
            ("… caught up, ms after the last call", 1e3 * caught),
            ("cores taken by the server", spent[0]),
            ("… by the browser", spent[1]),
            ("told", page.locator(".tally").inner_text()),
        ],
    )
    page.context.close()


@contextmanager
def serving() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        stubs, ready = Path(folder, "stubs.yaml"), Path(folder, "ready")
        stubs.write_text(STUBS)
        served = (PROTO, "--stubs", stubs, "--transport", "native", "--admin", "127.0.0.1:0", "--ready-file", ready)
        journal = ("--journal-size", "200000", "--journal-bytes", "1GiB")
        process = subprocess.Popen(grpcmock(*served, *journal, uvloop=True), cwd=ROOT, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield Server(process, int(told["addresses"][0].rpartition(":")[2]), told["admin"][0])
        finally:
            process.terminate()
            process.communicate(timeout=60)


@contextmanager
def browsing() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    before = set(_descendants(_SELF))
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        (driver,) = set(_children(_SELF)) - before
        yield Browser(running, driver)
        running.close()


_SELF = int(Path("/proc/self").resolve().name) if Path("/proc/self").exists() else 0


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _descendants(pid: int) -> list[int]:
    children = _children(pid)
    return [*children, *(one for child in children for one in _descendants(child))]


def _id(user: int) -> bytes:
    """A request for this user, encoded."""
    encoded = [b"\x08"]
    while user > 127:
        encoded.append(bytes([user & 127 | 128]))
        user >>= 7
    return b"".join((*encoded, bytes([user])))


def _spread(figures: Any) -> tuple[float, float, float]:
    return statistics.median(figures), min(figures), max(figures)


if __name__ == "__main__":
    main()
