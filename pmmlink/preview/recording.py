"""A take that the page plays: its curves, its sound, and perhaps the profile that is tuned over it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pmmlink.preview.take import Animation
from pmmlink.preview.tuning import Tuning
from pmmlink.types import FloatArray

SOUND_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".webm": "audio/webm",
}
"""Sound files that browsers play."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A take to be played by the page.

    Attributes:
        animation: its curves.
        sound: its sound file, or None.
        tuning: the profile whose sliders the page shows; the curves are then what it makes of the take.
    """

    animation: Animation
    sound: Path | None = None
    tuning: Tuning | None = None

    @property
    def values(self) -> FloatArray:
        """``[N, 52 or 61]``: the curves as they are to be shown now."""
        return self.animation.values if self.tuning is None else self.tuning.values()
