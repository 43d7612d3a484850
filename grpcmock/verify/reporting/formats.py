"""The kinds of reports that can be written."""

from __future__ import annotations

from typing import Final

from grpcmock.verify.reporting.html_report import to_html
from grpcmock.verify.reporting.json_report import to_json
from grpcmock.verify.reporting.junit_report import to_junit
from grpcmock.verify.reporting.sarif_report import to_sarif

WRITERS: Final = {"junit": to_junit, "json": to_json, "html": to_html, "sarif": to_sarif}
"""Each kind of report, and the function that writes it."""
