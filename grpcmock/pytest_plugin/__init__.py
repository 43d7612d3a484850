"""The pytest plugin: fixtures, a marker, and verification in the phase of the test itself.

Nothing here imports gRPC, protobuf or YAML before a test asks for a mock: whoever has the package merely installed
pays next to nothing.
"""

from grpcmock.pytest_plugin.comparison import pytest_assertrepr_compare
from grpcmock.pytest_plugin.config import Config
from grpcmock.pytest_plugin.examining import case_runners_fixture, thread_fixture
from grpcmock.pytest_plugin.fixtures import (
    MockFactory,
    config_fixture,
    factory_fixture,
    mock_fixture,
    server_fixture,
)
from grpcmock.pytest_plugin.hooks import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_report_header,
    pytest_runtest_call,
    pytest_runtest_setup,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from grpcmock.pytest_plugin.serving import Serve, serve_fixture, serve_session_fixture

__all__ = [
    "Config",
    "MockFactory",
    "Serve",
    "case_runners_fixture",
    "config_fixture",
    "factory_fixture",
    "mock_fixture",
    "pytest_addoption",
    "pytest_assertrepr_compare",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "serve_fixture",
    "serve_session_fixture",
    "server_fixture",
    "thread_fixture",
]
