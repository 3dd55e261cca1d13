"""Public test doubles: a loudspeaker with a wrong crystal, time that jumps, a model without weights.

For tests of programs built on pmmlink, where there is no sound card and no time to wait.
"""

from pmmlink.testing.animator import LoudnessAnimator
from pmmlink.testing.output import FakeOutputDevice
from pmmlink.testing.time import VirtualTime

__all__ = ["FakeOutputDevice", "LoudnessAnimator", "VirtualTime"]
