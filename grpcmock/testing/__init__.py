"""What tests import that ``grpcmock export --as pytest`` has written.

The names here stay from version to version, unlike the modules that they come from.
"""

from grpcmock.client.target import Tls
from grpcmock.fuzz.replay.replayer import replay_failure

__all__ = ["Tls", "replay_failure"]
