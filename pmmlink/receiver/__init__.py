"""Receives what pmmlink and the Live Link Face app send, by the rules that the Unreal plugin follows too."""

from __future__ import annotations

from pmmlink.receiver.jitter_buffer import ReceivedFrame
from pmmlink.receiver.receiver import Receiver
from pmmlink.receiver.subject import Face, State, Subject
from pmmlink.receiver.udp import Datagram, UdpListener

__all__ = ["Datagram", "Face", "ReceivedFrame", "Receiver", "State", "Subject", "UdpListener"]
