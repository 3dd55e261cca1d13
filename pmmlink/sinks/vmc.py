"""``vmc://``: blendshapes for VRM avatars over the VMC protocol."""

from __future__ import annotations

from collections.abc import Sequence

from pmmlink.curves import ARKIT_52
from pmmlink.sinks.base import CurveMap
from pmmlink.sinks.udp import UdpSink
from pmmlink.types import CurveFrame
from pmmlink.wire import vmc
from pmmlink.wire.target import Target


class VmcSink(UdpSink):
    """A few bundles a frame: the 52 ARKit curves under their Pascal-case names, or those of a profile's rig.

    Rotations are not sent.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._map = CurveMap(ARKIT_52)

    def _open(self) -> None:
        super()._open()
        self._map = CurveMap(ARKIT_52 if self._is_arkit else self._curves)

    def _datagrams(self, frame: CurveFrame) -> Sequence[bytes]:
        return vmc.encode(self._map.target.wire_names, self._map(frame).tolist())
