"""What servers say as they end, as each language's runtime prints it."""

from __future__ import annotations

from typing import Any

import pytest
from support import registry

from grpcmock.fuzz.checks.unhandled import CHECKS
from grpcmock.fuzz.execution.last_words import last_words
from grpcmock.fuzz.model.cases import Case, Phase
from grpcmock.fuzz.model.results import CaseResult, Health, LastWords

GO = """\
listening
panic: runtime error: index out of range [5] with length 1 [recovered]
\tpanic: runtime error: index out of range [5] with length 1

goroutine 19 [running]:
panic({0x9a4a28?, 0xc00001})
\t/usr/local/go/src/runtime/panic.go:787 +0x132
users.(*server).GetUser(0x0?, {0x1?, 0x2?})
\t/home/ada/users/server.go:41 +0x2e
google.golang.org/grpc.(*Server).processUnaryRPC(0xc0001)
\t/home/ada/go/pkg/mod/google.golang.org/grpc/server.go:1 +0x1
"""

RUST = """\
thread 'tokio-runtime-worker' (849) panicked at src/users.rs:12:90:
index out of bounds: the len is 0 but the index is 5
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""

OLD_RUST = "thread 'main' panicked at 'no such user', src/users.rs:7:5\nnote: run with `RUST_BACKTRACE=1`\n"

NODE = """\
/app/server.js:1
function get(u){ return u.name.first }
                               ^

TypeError: Cannot read properties of undefined (reading 'first')
    at Object.onReceiveHalfClose (/app/node_modules/@grpc/grpc-js/build/src/server.js:1:2)
    at get (/app/server.js:1:32)

Node.js v20.20.2
"""

PLAIN_NODE = """\
node:events:502
      throw er; // Unhandled 'error' event
      ^

Error: there is no such drawer
    at open (/app/drawers.js:4:9)
    at process.processTicksAndRejections (node:internal/process/task_queues:82:21) {
  code: 'NO_DRAWER'
}

Node.js v20.20.2
"""

JAVA = """\
Exception in thread "grpc-default-executor-0" java.lang.StackOverflowError
\tat java.base/java.lang.String.valueOf(String.java:1)
\tat com.example.Users.get(Users.java:17)
"""

DOTNET = """\
Unhandled exception. System.NullReferenceException: Object reference not set.
   at System.String.Concat(String a)
   at Users.Get(Int32 id) in /app/Users.cs:line 9
"""

PYTHON = """\
Traceback (most recent call last):
  File "/app/server.py", line 31, in <module>
    run()
  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode
    raise JSONDecodeError(...)
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
"""

SEGFAULT = """\
Fatal Python error: Segmentation fault

Current thread 0x00007f8e6ebf2b80 (most recent call first):
  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at
  File "/app/server.py", line 8 in get
"""

SANITIZER = """\
==1036==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000038 at pc 0x5559c586a1b0 bp 0x7fff0a8f8d60
READ of size 4 at 0x602000000038 thread T0
    #0 0x7fb9b98b9628 in __interceptor_memcpy ../../sanitizer_common.inc:1
    #1 0x5559c586a1af in get(int*) /app/users.cc:3
"""

CPP = "terminate called after throwing an instance of 'std::out_of_range'\n  what():  vector::_M_range_check\nAborted\n"

CHECK = (
    "F20260102 12:00:00.000001  1036 users.cc:45] Check failed: user != nullptr\n*** Check failure stack trace: ***\n"
)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            GO,
            "panic: runtime error: index out of range [5] with length 1, at users.(*server).GetUser (server.go:41)",
        ),
        (RUST, "index out of bounds: the len is 0 but the index is 5, at src/users.rs:12:90"),
        (OLD_RUST, "no such user, at src/users.rs:7:5"),
        (NODE, "TypeError: Cannot read properties of undefined (reading 'first'), at get (/app/server.js:1:32)"),
        (JAVA, "java.lang.StackOverflowError, at com.example.Users.get(Users.java:17)"),
        (
            DOTNET,
            "System.NullReferenceException: Object reference not set., at Users.Get(Int32 id) in /app/Users.cs:line 9",
        ),
        (PYTHON, "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0), at /app/server.py:31"),
        (SEGFAULT, "Fatal Python error: Segmentation fault, at /app/server.py:8"),
        (SANITIZER, "AddressSanitizer: heap-buffer-overflow, at get(int*) /app/users.cc:3"),
        (CPP, "'std::out_of_range' what(): vector::_M_range_check"),
        (CHECK, "Check failed: user != nullptr, at users.cc:45"),
        # What was logged long before is not what brought it down.
        (PYTHON + "served a call\n" * 9, "served a call"),
        (PLAIN_NODE, "Error: there is no such drawer, at open (/app/drawers.js:4:9)"),
        (NODE + "served a call\n" * 40, "served a call"),
        ("listening\n\n  out of memory  \n\n", "out of memory"),
        ("x" * 500, "x" * 159 + "…"),
    ],
)
def test_the_error_and_its_place_are_found(output: str, said: str) -> None:
    assert str(last_words(output)) == said


def test_who_wrote_nothing_has_said_nothing() -> None:
    assert last_words("") is None
    assert last_words(" \n\n") is None


def crash(method: str, words: LastWords | None) -> Any:
    contract = registry("user.proto")
    case = Case(method=contract.method(f"user.UserService/{method}"), phase=Phase.BOUNDARY, id=method, calls=(), why="")
    health = Health(alive=False, exit_code=2, last_words=words)
    (check,) = (check for check in CHECKS if check.name == "server_crash")
    (finding,) = check.evaluate(case, CaseResult(replies=(), health=health), None)  # type: ignore[arg-type]
    return finding


def test_a_crash_is_told_in_the_server_s_own_words() -> None:
    finding = crash("GetUser", last_words(GO))
    assert finding.actual.startswith("panic: runtime error: index out of range [5]")
    assert finding.actual.endswith("(server.go:41); the server ended with exit code 2")


def test_a_last_line_isn_t_told_as_the_cause_of_a_crash() -> None:
    finding = crash("GetUser", last_words("served a call\n"))
    assert finding.actual == "the server ended with exit code 2; the last that it wrote is: served a call"


@pytest.mark.parametrize(
    ("one", "other", "are_one_cause"),
    [
        # The method that a framework made for each RPC is at the same place for all of them.
        (
            LastWords("panic: nil", "s.GetUser (<autogenerated>:1)"),
            LastWords("panic: nil", "s.ListUsers (<autogenerated>:1)"),
            True,
        ),
        (LastWords("index 5 of 1", "a.go:3"), LastWords("index 7 of 2", "a.go:3"), True),
        (LastWords("panic: nil", "a.go:3"), LastWords("panic: nil", "a.go:4"), False),
        (LastWords("panic: nil"), LastWords("panic: nil"), False),  # any two could end so
        (None, None, False),
    ],
)
def test_the_same_error_at_the_same_place_is_one_cause(one: LastWords, other: LastWords, are_one_cause: bool) -> None:
    causes = set(crash("GetUser", one).causes) & set(crash("ListUsers", other).causes)
    assert bool(causes) == are_one_cause
