"""How can a failure be shown again, by whom it concerns, with the tools that they have?"""

from grpcmock.fuzz.reproducers.reproducer import FORMS, NotSayableError, reproducer

__all__ = ["FORMS", "NotSayableError", "reproducer"]
