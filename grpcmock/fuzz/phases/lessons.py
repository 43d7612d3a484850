"""What the replies of a server teach: values it has handed out, and rules that it says were broken."""

from __future__ import annotations


class Lessons:
    """Values and rules by the names of fields. Filled in the order of the trials, so that it is the same each time."""
