"""Tools that try a real server, each in a process of its own: within a time, and at home unless told otherwise."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from grpcmock.client.target import Target
from grpcmock.errors import ConfigError
from grpcmock.servers.addresses import Address

if TYPE_CHECKING:
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports

_OUTPUT_LIMIT = 30_000
"""Characters of output that an assistant gets; what stands in the middle is left out first."""

_PATIENCE = 20.0
"""Seconds that a fuzz run has to make its last failure small, and seconds to end once it is told to."""

_MOST_SECONDS = 600

_MEANINGS = {0: "passed", 1: "failed", 2: "not possible", 3: "undecided"}
"""What exit codes say."""

Server = Annotated[str, Field(description="Where the real server listens: HOST:PORT, unix:PATH or a URL.")]
Seconds = Annotated[int, Field(ge=1, le=_MOST_SECONDS, description="How long it may take.")]


class TrialTools:
    """The tools, with the protos and stubs that are tried unless others are named."""

    def __init__(
        self, protos: Sequence[ProtoSource], stubs: Sequence[Path], imports: Imports, *, anywhere: bool = False
    ) -> None:
        """Without *protos*, the reflection of a server is asked. *anywhere* lets them reach other machines, too."""
        self._protos = protos
        self._stubs = stubs
        self._imports = [
            *(f"--import-path={path}" for path in imports.roots),
            *(f"--exclude-path={pattern}" for pattern in imports.exclude),
        ]
        self._anywhere = anywhere
        self._processes: set[asyncio.subprocess.Process] = set()

    def kill(self) -> None:
        """End what is being tried at once."""
        for process in self._processes:
            process.kill()

    async def verify_server(
        self,
        server: Server,
        stubs: Annotated[
            list[str] | None, Field(description="Stub files or directories, instead of the mock's.")
        ] = None,
        only: Annotated[
            list[str] | None, Field(description="Only stubs of these names or methods; * stands for anything.")
        ] = None,
        seconds: Seconds = 60,
    ) -> dict[str, Any]:
        """Verify that a real server answers as the stubs say: each stub becomes a call, and its answer is compared.

        Gives the verdict, what differs, and the command to repeat it in a terminal. The server must run already.
        """
        paths = [*map(Path, stubs)] if stubs else self._stubs
        options = [*(f"--stubs={path}" for path in paths), *(f"--only={name}" for name in only or ()), "--verbose"]
        return await self._run("verify", options, server, seconds)

    async def fuzz_server(
        self,
        server: Server,
        methods: Annotated[
            list[str] | None, Field(description="Only these methods, such as UserService/*; all if empty.")
        ] = None,
        seconds: Seconds = 30,
        seed: Annotated[int | None, Field(description="Repeats the run of this seed.")] = None,
    ) -> dict[str, Any]:
        """Try a real server against its contract: valid and invalid requests, unusual bytes, broken streams.

        It calls every method that it may, those that change or delete, too: never use it on a server with data that
        matters. Gives each failure made small, with how to repeat it.
        """
        options = [f"--max-time={seconds}s", *(f"--include={name}" for name in methods or ())]
        if seed is not None:
            options.append(f"--seed={seed}")
        return await self._run("fuzz", options, server, seconds + _PATIENCE)

    async def _run(self, command: str, options: Sequence[str], server: str, seconds: float) -> dict[str, Any]:
        self._check(server)
        words = [command, *options, *self._imports, "--", server, *map(str, self._protos)]
        code, output = await self._carry_out(words, seconds)
        return {
            "verdict": "out of time" if code is None else _MEANINGS.get(code, f"ended with {code}"),
            "output": _shortened(output),
            "command": shlex.join(["grpcmock", *words]),
        }

    async def _carry_out(self, words: Sequence[str], seconds: float) -> tuple[int | None, str]:
        """Run a command of grpcmock. Give its exit code, None if it took longer, and what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "grpcmock",
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        self._processes.add(process)
        reading = asyncio.ensure_future(process.stdout.read())
        code: int | None = None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    code = await process.wait()
            if code is None:
                process.terminate()  # it tells what it has found so far
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PATIENCE):
                        await process.wait()
        finally:  # also if nobody waits for it any more
            if process.returncode is None:
                process.kill()
            self._processes.discard(process)
        return code, (await reading).decode(errors="replace")

    def _check(self, server: str) -> None:
        """Raise :class:`ConfigError` for a server that may not be tried."""
        address = Target.parse(server).address
        if not (self._anywhere or Address.parse(address, "server").is_local):
            raise ConfigError(
                f"{server} is on another machine, or may be. Only servers on this one are tried, at 127.0.0.1 or "
                "localhost, unless `grpcmock mcp` is started with --anywhere."
            )


def _shortened(text: str) -> str:
    if len(text) <= _OUTPUT_LIMIT:
        return text
    half = _OUTPUT_LIMIT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters …\n{text[-half:]}"
