"""Where curves go: OSC, Live Link Face, VMC and CSV, several at once."""

from __future__ import annotations

from pmmlink.sinks.base import Sink, SinkStats
from pmmlink.sinks.fanout import Fanout
from pmmlink.sinks.make import make_sink

__all__ = ["Fanout", "Sink", "SinkStats", "make_sink"]
