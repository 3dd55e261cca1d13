"""VMC protocol bundles: blendshape values for VRM avatars (VSeeFace, Warudo, VMagicMirror, ...).

Each curve is a message ``/VMC/Ext/Blend/Val`` (``sf``); ``/VMC/Ext/Blend/Apply`` after the last one puts
them on the avatar. Names are case-sensitive; an avatar with ARKit curves ("perfect sync") has them in Pascal
case. The protocol asks for packets of at most 1500 bytes, so a face takes several bundles.

Written with python-osc's primitives rather than its builders, which parse every message back after writing
it: a hundred parses a frame for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from pythonosc.parsing import osc_types

from pmmlink.errors import WireError
from pmmlink.wire.values import require_finite

MAX_BUNDLE_BYTES = 1472
"""What fits one Ethernet frame beside the IPv4 and UDP headers."""

_HEAD = osc_types.write_string("#bundle") + osc_types.write_date(osc_types.IMMEDIATELY)
_VALUE = osc_types.write_string("/VMC/Ext/Blend/Val") + osc_types.write_string(",sf")
_APPLY = osc_types.write_string("/VMC/Ext/Blend/Apply") + osc_types.write_string(",")


def encode(names: Sequence[str], values: Sequence[float]) -> list[bytes]:
    """The bundles of one frame, in the order in which to send them.

    Args:
        names: blendshape names as the avatar spells them.
        values: as many values, in [0, 1].

    Raises:
        WireError: a value that is not finite, or a name that OSC cannot carry.
    """
    require_finite(values, "/VMC/Ext/Blend/Val")
    bundles = [_HEAD]
    try:
        messages = [
            _VALUE + osc_types.write_string(name) + osc_types.write_float(value)
            for name, value in zip(names, values, strict=True)
        ]
    except (osc_types.BuildError, OverflowError) as error:
        raise WireError(f"/VMC/Ext/Blend/Val: {error}") from error
    for message in (*messages, _APPLY):
        element = osc_types.write_int(len(message)) + message
        if len(bundles[-1]) + len(element) > MAX_BUNDLE_BYTES:
            bundles.append(_HEAD)
        bundles[-1] += element
    return bundles
