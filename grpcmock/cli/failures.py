"""What goes wrong in a command: one clear message on stderr, and the exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable

import click

from grpcmock.cli import hints, terminals
from grpcmock.errors import CompileError, GrpcmockError, RenderError, StubError, in_order

PROBLEMS = 1
"""Exit code: the command did its work, and found problems."""

USAGE = 2
"""Exit code: wrong usage, a wrong configuration, or a server out of reach."""

UNDECIDED = 3
"""Exit code: nothing was found, and nothing follows from that: what was to be tested never came to it."""

_INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""

_UNWRITABLE = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EBADF") if hasattr(errno, name)
)
"""What the system says where stdout, or a file, takes nothing more."""

TRACEBACK = "GRPCMOCK_TRACEBACK"
"""The environment variable that asks for tracebacks."""


def guard(run: Callable[[], int]) -> int:
    """Run a command and give its exit code; whatever is raised becomes one message."""
    at_once = _interrupt_by_exception()
    try:
        code = run()
        if not sys.stdout.closed:  # as the language server leaves it
            sys.stdout.flush()  # what a pipe refuses should be noticed here, not in the interpreter's last breath
    except Exception as error:  # noqa: BLE001 (the last resort of the whole program)
        return _failed(error)
    except KeyboardInterrupt:
        _quietly(lambda: click.echo(err=True))
        return _INTERRUPTED
    finally:
        if at_once is not None:
            signal.signal(signal.SIGINT, at_once)
    return code


def _interrupt_by_exception() -> Callable[..., object] | None:
    """Let Ctrl-C raise, as a command needs it, where it would end the program at once; give that handler, if so."""
    if threading.current_thread() is not threading.main_thread():
        return None
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or before is signal.default_int_handler:
        return None  # who ignores Ctrl-C, as nohup's children in the background do, goes on so
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return before


def _failed(error: Exception) -> int:
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        return _INTERRUPTED
    if _is_broken_pipe(error):
        terminals.discard_stdout()
        return 0
    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        import traceback

        traceback.print_exception(error)
    lines, code = _say(error)
    _quietly(lambda: click.echo("\n".join(lines), err=True, color=terminals.wants_color()))
    return code


def _say(error: Exception) -> tuple[list[str], int]:
    prefix = click.style("error:", fg="red", bold=True)
    match error:
        case click.exceptions.NoArgsIsHelpError():
            return [error.format_message()], USAGE
        case click.UsageError():
            lines = [f"{prefix} {hints.wrong_usage(error)}"]
            if error.ctx is not None:
                lines.append(f"See '{error.ctx.command_path} --help'.")
            return lines, USAGE
        case click.ClickException():
            return [f"{prefix} {error.format_message()}"], USAGE
        case StubError() | CompileError():
            count = len(error.problems)
            return [
                *map(str, in_order(error.problems)),
                f"{prefix} {count} {'problem' if count == 1 else 'problems'}",
            ], PROBLEMS
        case GrpcmockError():
            return [f"{prefix} {error}"], PROBLEMS if isinstance(error, RenderError) else USAGE
        case OSError() if error.filename is not None:
            return [f"{prefix} {os.fsdecode(error.filename)}: {error.strerror}."], USAGE
        case OSError() if error.errno in _UNWRITABLE:
            terminals.discard_stdout()  # if it was that
            return [f"{prefix} The output can't be written: {error.strerror}."], USAGE
        case _:
            return [
                f"{prefix} grpcmock itself failed: {type(error).__name__}: {error}",
                f"This is a bug. {TRACEBACK}=1 shows where it is; please report it with that.",
            ], USAGE


def _is_broken_pipe(error: Exception) -> bool:
    # Windows says EINVAL for a pipe that was closed at its other end.
    return isinstance(error, BrokenPipeError) or (
        sys.platform == "win32" and isinstance(error, OSError) and error.errno == errno.EINVAL
    )


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except (OSError, ValueError):  # stderr or stdout is closed
        return
