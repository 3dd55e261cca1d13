"""From an actor's take with its sound to a profile: the model predicts, the fit compares."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pmmlink.curves import MODEL_32, mirror_of
from pmmlink.dsp.resample import Resampler
from pmmlink.errors import DataError
from pmmlink.retarget import LIMITS, CurveSetting, Profile, Retargeter
from pmmlink.retarget.actor_take import read_take, resting_face, without_rest
from pmmlink.retarget.fit import LEAST_RECORDED_STD, Fit, Recording, fit_profile
from pmmlink.runtime.base import Animator
from pmmlink.sources import FileSource
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

_LONGEST_S = 1800.0
_LARGEST_MISMATCH_S = 2.0
_NEUTRAL_LEAST = 0.005


@dataclass(frozen=True, slots=True)
class ActorTake:
    """An actor's take and its sound on the model's clock.

    Attributes:
        sound: ``[N]`` mono at 16 kHz.
        recorded: ``[T, 32]`` at 30 fps, the resting face taken off if one was given.
        notes: what the user should know about it.
    """

    sound: FloatArray
    recorded: FloatArray
    notes: tuple[str, ...] = ()


def load_actor_take(take: Path, audio: Path, neutral: Path | None = None) -> ActorTake:
    """Read a take, its sound, and a recording of the resting face.

    Raises:
        DataError: a take that cannot be used; which, where and why.
        AudioError: the same for the sound.
    """
    recorded = read_take(take)
    if recorded.std(axis=0).max() < LEAST_RECORDED_STD:
        raise DataError(f"{take}: the recorded face does not move; was the face in the picture?")
    sound = read_sound(audio)
    notes = []
    face_s, sound_s = len(recorded) / 30, len(sound) / SAMPLE_RATE_HZ
    if abs(face_s - sound_s) > max(_LARGEST_MISMATCH_S, 0.1 * sound_s):
        raise DataError(
            f"{take}: {face_s:.1f} s of face, but {audio} has {sound_s:.1f} s of sound; "
            "give the sound that was recorded with this take"
        )
    if abs(face_s - sound_s) > 0.2:
        notes.append(f"face and sound differ by {abs(face_s - sound_s):.1f} s; both from their start")
    if neutral is not None:
        rest = resting_face(read_take(neutral), str(neutral))
        recorded = without_rest(recorded, rest)
        largest = int(rest.argmax())
        notes.append(f"resting face taken off; most at {MODEL_32.names[largest]} {rest[largest]:.2f}")
    return ActorTake(sound, recorded, tuple(notes))


def read_sound(path: Path) -> FloatArray:
    """``[N]`` mono float32 at 16 kHz. Raises AudioError, and DataError when it is too long to hold."""
    blocks = []
    with FileSource(path) as source:
        resampler = Resampler(source.rate_hz)
        taken = 0
        while (block := source.read(source.rate_hz)) is not None:
            taken += len(block.samples)
            if taken > _LONGEST_S * source.rate_hz:
                raise DataError(f"{path}: longer than {_LONGEST_S / 60:g} minutes; a few sentences will do")
            blocks.append(resampler.push(block.mono().samples))
    blocks.append(resampler.flush())
    return np.concatenate(blocks)


def predict(animator: Animator, sound: FloatArray) -> FloatArray:
    """The model's ``[T, 32]`` for a sound at 16 kHz."""
    animator.reset()
    block = SAMPLE_RATE_HZ // 2
    rows = [animator.push(sound[at : at + block]) for at in range(0, len(sound), block)]
    rows.append(animator.flush())
    animator.reset()
    return np.concatenate(rows)


def before_gains(base: Profile, predicted: FloatArray) -> FloatArray:
    """``[T, 32]`` after what a profile does before its gains: mirror, neutral, exponents, symmetry."""
    exponents = {curve: CurveSetting(exponent=setting.exponent) for curve, setting in base.curves.items()}
    shape = Profile(
        curves=exponents,
        neutral=base.neutral,
        mirror=base.mirror,
        symmetric=base.symmetric,
        tie_lips=False,
    )
    return Retargeter(shape, MODEL_32).apply(predicted)


def calibrate(predicted: FloatArray, take: ActorTake) -> Fit:
    """Fit gains, offsets and delay.

    Args:
        predicted: ``[T, 32]`` for the take's sound, :func:`before_gains` of the profile to begin from.
        take: what was recorded.

    Raises:
        DataError: as :func:`pmmlink.retarget.fit.fit_profile`.
    """
    count = min(len(predicted), len(take.recorded))
    return fit_profile([Recording(predicted[:count], take.recorded[:count])])


def profile_of(fit: Fit, name: str, base: Profile | None = None) -> Profile:
    """The profile that a fit means.

    Args:
        fit: what was fitted.
        name: for reports.
        base: what the fit does not touch is taken from here. The fitted gains make up for its intensity, and
            are the mean of both sides where it is symmetric.
    """
    base = base or Profile()
    found = {result.curve: result for result in fit.curves}
    changes = {}
    for curve in found:
        sides = [found[name] for name in ((curve, mirror_of(curve)) if base.symmetric else (curve,))]
        if all(side.kept for side in sides):
            continue
        gain = sum(side.gain for side in sides) / len(sides) / (base.intensity or 1.0)
        offset = sum(side.offset for side in sides) / len(sides)
        changes[curve] = {"gain": round(min(gain, LIMITS["gain"][1]), 4), "offset": round(offset, 4)}
    changed = base.with_changes(curves=changes, delay_ms=round(fit.delay_ms, 1))
    return dataclasses.replace(changed, name=name, path=None)


def neutral_profile(neutral: Path, name: str, base: Profile | None = None) -> Profile:
    """A profile that takes a recorded resting face off the curves before anything else.

    Raises:
        DataError: a recording without a still face.
    """
    rest = resting_face(read_take(neutral), str(neutral))
    resting = {
        curve: round(min(float(value), 0.9), 4)
        for curve, value in zip(MODEL_32.names, rest, strict=True)
        if value >= _NEUTRAL_LEAST and curve != "mouthClose"
    }
    return dataclasses.replace((base or Profile()).with_changes(neutral=resting), name=name, path=None)
