"""Public test doubles: a loudspeaker and a microphone with wrong crystals, time that jumps, a model.

For tests of programs built on pmmlink, where there is no sound card and no time to wait.
"""

from pmmlink.testing.animator import LoudnessAnimator
from pmmlink.testing.microphone import FakeInputDevice
from pmmlink.testing.output import FakeOutputDevice
from pmmlink.testing.time import VirtualTime

__all__ = ["FakeInputDevice", "FakeOutputDevice", "LoudnessAnimator", "VirtualTime"]
