"""The descriptors of the admin service ``grpcmock.admin.v1``, which servers offer and clients call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.schema import sources

if TYPE_CHECKING:
    from grpcmock.schema import Registry

SERVICE = "grpcmock.admin.v1.AdminService"

ROOT = Path(__file__).parent / "proto"
"""The directory under which the proto is installed, and its path in there, by which others import it."""

FILE = "grpcmock/admin/v1/admin.proto"


def registry() -> Registry:
    """Return the descriptors, compiled from the ``.proto`` file that is installed with the package."""
    return sources.load([ROOT])
