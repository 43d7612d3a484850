"""The texts of the injection phase. Each shows by itself whether it was run: by a product that it doesn't hold, a delay
that it asks for, the words of a database, the content of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

LONG, SHORT = 0.9, 0.3
"""Seconds that a server is asked to wait: below the second that an answer may take, so that no other check minds."""

MARK = "x-grpcmock-"
"""What begins a line that was forged, and a key of metadata."""

Factors = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Probe:
    """Texts that are sent in turn, in one place, each put after what stands there."""

    check: str
    """The name of the check that can see them work."""

    why: str
    """``a template of Jinja``."""

    texts: tuple[str, ...]
    """An empty one is the control: what stands there, and nothing else."""

    one_is_enough: bool = False
    """Whether each of them shows by itself whether it works."""

    is_logged: bool = False
    """Whether they may show in what the server writes."""

    alone: bool = False
    """Whether they stand in the place of what is there, and not after it."""

    reads_only: bool = False
    """Whether they are fit for methods only that change nothing."""


def probes(draw: Callable[[int], int]) -> Iterator[tuple[Probe, ...]]:
    """Yield the probes in two parts, the first of which tells the most for the least. *draw* chooses below a bound."""

    def factors() -> Factors:
        return 1000 + draw(9000), 1000 + draw(9000)

    first, second = factors(), factors()
    yield (
        Probe(
            "sql_injection",
            "quotes and brackets that end a text in SQL",
            ("", "'", '"', "\\", "')("),
            one_is_enough=True,
        ),
        Probe("path_traversal", "the way to a file that every Unix has", _FILES, one_is_enough=True, alone=True),
        _evaluated("template_injection", "{{{{{0}*{1}}}}}", "a template of Jinja, Twig or Handlebars", first, second),
        _evaluated("template_injection", "${{{0}*{1}}}", "an expression of Freemarker, Mako or Spring", first, second),
        _evaluated("command_injection", ";expr {0} \\* {1};", "a second command of a shell", first, second),
        _evaluated("command_injection", "$(expr {0} \\* {1})", "a command inside of one of a shell", first, second),
        _delayed("command_injection", ";sleep {0};", "a second command of a shell, which waits"),
        _delayed("command_injection", "$(sleep {0})", "a command inside of one of a shell, which waits"),
        _line(draw),
    )
    yield (
        *(
            Probe(
                "sql_injection",
                "a condition of SQL that holds, and one that doesn't",
                ("", _where(end, 2), _where(end, 1)) * 2,
                reads_only=True,
            )
            for end in ("'", "')", '"')
        ),
        _delayed("sql_injection", "'-(SELECT SLEEP({0}))-'", "SQL of MySQL, which waits"),
        _delayed("sql_injection", "'||(SELECT pg_sleep({0}))||'", "SQL of PostgreSQL, which waits"),
        _delayed("sql_injection", "';WAITFOR DELAY '0:0:{0}'--", "SQL of SQL Server, which waits"),
        *(
            _evaluated("template_injection", text, f"an expression of {name}", first, second)
            for text, name in (
                ("<%= {0}*{1} %>", "ERB or JSP"),
                ("#{{{0}*{1}}}", "Ruby, Pug or JSF"),
                ("{{{0}*{1}}}", "a Python f-string, or Smarty"),
                ("@({0}*{1})", "Razor"),
                ("{{{{={0}*{1}}}}}", "doT"),
            )
        ),
        *(
            _evaluated("command_injection", text, f"a command of a shell {where}", first, second)
            for text, where in (
                ("`expr {0} \\* {1}`", "in backquotes"),
                ("';expr {0} \\* {1};'", "after single quotes"),
                ('";expr {0} \\* {1};"', "after double quotes"),
                ("|expr {0} \\* {1}", "after a pipe"),
                ("\nexpr {0} \\* {1}\n", "on a line of its own"),
            )
        ),
        *(
            _delayed("command_injection", text, f"a command of a shell {where}, which waits")
            for text, where in (
                ("';sleep {0};'", "after single quotes"),
                ('";sleep {0};"', "after double quotes"),
                ("|sleep {0}", "after a pipe"),
            )
        ),
    )


_FILES = (
    "",
    "/etc/passwd",
    f"{'../' * 10}etc/passwd",
    f"{'....//' * 10}etc/passwd",
    f"{'..%2f' * 10}etc%2fpasswd",
    "file:///etc/passwd",
    f"{'..' + chr(92)}" * 10 + f"windows{chr(92)}win.ini",
)


def _evaluated(check: str, text: str, why: str, first: Factors, second: Factors) -> Probe:
    return Probe(check, why, ("", text.format(*first), text.format(*second)))


def _delayed(check: str, text: str, why: str) -> Probe:
    long, short = text.format(LONG), text.format(SHORT)
    return Probe(check, why, ("", long, short, "", long))


def _where(end: str, number: int) -> str:
    """Return the end of a condition: true for 1, false for another *number*. What comes after it closes it."""
    quote = end[0]
    opening = "(" if end.endswith(")") else ""
    return f"{end} OR {opening}{quote}1{quote}={quote}{number}"


def _line(draw: Callable[[int], int]) -> Probe:
    mark = f"{MARK}{draw(1 << 32):08x}"
    why = "line breaks, and a line of its own"
    return Probe("line_injection", why, ("", f"\r\n{mark}: 1", f"\n{mark}: 1", ""), is_logged=True)
