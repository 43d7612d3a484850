"""What tests import that ``grpcmock export --as pytest`` has written.

The names here stay from version to version, unlike the modules that they come from.
"""

from grpcmock.client.actions import Cancel, HalfClose, Headers, Pause, Receive
from grpcmock.client.target import Tls
from grpcmock.fuzz.replay.replayer import replay_failure
from grpcmock.status import Code
from grpcmock.testing.answer import Answer
from grpcmock.testing.client import Client

__all__ = ["Answer", "Cancel", "Client", "Code", "HalfClose", "Headers", "Pause", "Receive", "Tls", "replay_failure"]
