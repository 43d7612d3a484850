"""How can a failure be shown again, by whom it concerns, with the tools that they have?"""

from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.reproducer import FORMS, reproducer

__all__ = ["FORMS", "NotSayableError", "reproducer"]
