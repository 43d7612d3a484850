"""What Hypothesis calls when it is imported, so that ``st.from_type`` knows protobuf messages."""

from __future__ import annotations


def register() -> None:
    """Do nothing yet."""
