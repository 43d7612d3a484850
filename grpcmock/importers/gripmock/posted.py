"""Stubs that scripts send to a running GripMock by its REST API."""

from __future__ import annotations

import re

from grpcmock.importers.shell import commands, curl_request

_ADDING = re.compile(r"/(?:add|api/stubs)/?(?:\?.*)?$")


def posted_documents(script: str) -> str:
    """Make YAML of the bodies that lines of curl send to GripMock, each a document in the line of its command.

    Bodies that are in files (``-d @FILE``) are left out: those files are read by themselves.
    """
    written: list[str] = []
    for command in commands(script):
        if command.is_comment or command.words[:1] != ["curl"]:
            continue
        request = curl_request(command.words[1:])
        if _ADDING.search(request.url) and request.data.lstrip().startswith(("{", "[")):
            written += [""] * (command.line - 1 - len(written))
            written += f"--- {request.data.rstrip()}".splitlines()
    return "\n".join(written)
