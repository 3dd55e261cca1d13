"""``pmmlink calibrate --by-hand``: sliders for a profile, next to the head that they move."""

from __future__ import annotations

import dataclasses
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pmmlink.cli.out_file import check_out
from pmmlink.config import Config
from pmmlink.errors import ConfigError

if TYPE_CHECKING:
    from fractions import Fraction

    from pmmlink.curves import CurveSet
    from pmmlink.retarget import Profile
    from pmmlink.types import FloatArray

_POLL_S = 0.2
_LONGEST_S = 300.0
"""Each move of a slider works out the whole take anew."""


class Page(NamedTuple):
    """Where the page is served, and whether a browser is opened on it."""

    host: str
    port: int
    open_browser: bool


def tune(
    named: Path, take: Path | None, audio: Path | None, out: Path | None, settings: Config, page: Page
) -> None:
    """Serves the page until Ctrl-C.

    Args:
        named: the profile to tune: a file, which need not be there yet, or a shipped name.
        take: a Live Link Face recording, or speech for the model; None: the sample speech.
        audio: the sound of the recording.
        out: the file to save to; default ``named`` if that is a file.
        settings: weights, style, threads, and the profile that a new file begins with.
        page: where.

    Raises:
        PmmlinkError: what cannot be read or served.
    """
    profile, target = _profile(named, out, settings)
    sound, values, fps, source = _speech(take, audio, settings)
    if len(values) / fps > _LONGEST_S:
        raise ConfigError(f"{take}: longer than {_LONGEST_S:g} s; a few sentences are enough to tune by")

    from pmmlink.cli.progress import make_console
    from pmmlink.preview.recording import Recording
    from pmmlink.preview.server import PreviewServer
    from pmmlink.preview.take import Animation
    from pmmlink.preview.tuning import Tuning

    console = make_console()
    tuning = Tuning(profile, values, fps, source, target)
    recording = Recording(Animation(tuning.values(), fps), sound, tuning)
    with PreviewServer(f"{named} by hand", recording, page.host, page.port) as server:
        console.print(f"{named}: open {server.url} in a browser to tune it; Ctrl-C ends")
        if page.open_browser:
            webbrowser.open(server.url)
        try:
            while True:  # in steps, because Windows delivers Ctrl-C only between waits
                time.sleep(_POLL_S)
                tuning.poll()
        except KeyboardInterrupt:
            unsaved = "; what was not saved is gone" if tuning.state()["changed"] else ""
            console.print(f"tuning ended{unsaved}")


def _profile(named: Path, out: Path | None, settings: Config) -> tuple[Profile, Path | None]:
    """The profile to begin with, and the file that saving writes."""
    from pmmlink.resources import shipped_profiles
    from pmmlink.retarget import load_profile

    shipped = not named.suffix and not named.exists() and named.name in shipped_profiles()
    if shipped or named.exists():
        profile = load_profile(named)
    elif named.suffix.lower() in (".yaml", ".yml"):
        profile = dataclasses.replace(load_profile(settings.profile), name=named.stem)
    else:
        raise ConfigError(f"--by-hand {named}: no such profile; a new one must end in .yaml")
    target = out or (None if shipped else named)
    if target is not None:
        check_out(target, ".yaml", ".yml")
    return profile, target


def _speech(
    take: Path | None, audio: Path | None, settings: Config
) -> tuple[Path | None, FloatArray, Fraction, CurveSet]:
    """The sound to play, and curves before any profile ``[N, C]``, with their rate and names."""
    from pmmlink.curves import LIVELINK_61, MODEL_32
    from pmmlink.preview.recording import SOUND_TYPES
    from pmmlink.resources import sample_speech
    from pmmlink.sources import FileSource
    from pmmlink.types import MODEL_FPS

    if take is not None and take.suffix.lower() == ".csv":
        from pmmlink.preview.take import read_animation

        if audio is not None:
            if audio.suffix.lower() not in SOUND_TYPES:
                raise ConfigError(f"--audio {audio}: browsers play {', '.join(SOUND_TYPES)}")
            FileSource(audio).close()  # says what is wrong with it now, rather than in the browser
        animation = read_animation(take)
        return audio, animation.values, animation.fps, LIVELINK_61
    if audio is not None:
        raise ConfigError("--audio goes with a TAKE.csv; speech alone is named without it")
    sound = take or sample_speech()

    from pmmlink.model.animator import load_animator
    from pmmlink.runtime.calibrate import predict, read_sound

    samples = read_sound(sound)
    values = predict(load_animator(settings.weights, settings.style, settings.threads), samples)
    return sound if sound.suffix.lower() in SOUND_TYPES else None, values, MODEL_FPS, MODEL_32
