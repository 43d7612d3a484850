"""Settings for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("grpcmock", deadline=None, print_blob=True)
settings.load_profile("grpcmock")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is in what a shell starts in the background, and the programs that tests start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
