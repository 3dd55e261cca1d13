"""Draws one clip: wave, spectrogram, phones, the curves that training aims at, and measured ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError, InputError, RuntimeFault
from pmmlink.phones import BILABIALS, LABIODENTALS, SILENCE
from pmmlink.train.corpus.base import LABEL_FPS, Segment
from pmmlink.train.corpus.reader import Clip
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray
from pmmlink.whole_file import whole_file

_SHOWN = ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthRollLower", "mouthSmileLeft")


def target_curves(clip: Clip) -> FloatArray | None:
    """``[T, 32]`` curves that the phones ask for at 30 fps, or None without phones."""
    if clip.phones is None:
        return None
    from pmmlink.train.targets import curves_from_phones

    frames = int(clip.duration_s * LABEL_FPS)
    timed = [(segment.phone, segment.start_s, segment.end_s) for segment in clip.phones]
    return curves_from_phones(timed, frames, stress=[segment.stress for segment in clip.phones]).curves


def draw_clip(
    path: Path,
    audio: FloatArray,
    *,
    title: str,
    phones: tuple[Segment, ...] | None = None,
    targets: FloatArray | None = None,
    labels: FloatArray | None = None,
    motion_mm: FloatArray | None = None,
) -> None:
    """Draws to a picture file; P, B and M stand on red, F and V on blue.

    Args:
        path: where to; the suffix says what kind of picture.
        audio: ``[N]`` at 16 kHz.
        title: above the picture.
        phones: contiguous, or None.
        targets: ``[T, 32]`` at 30 fps from the phones, or None.
        labels: ``[T, 32]`` at 30 fps as measured, NaN without a label, or None.
        motion_mm: ``[T]`` at 30 fps, how far a mesh has moved, or None.

    Raises:
        InputError: matplotlib is missing, or knows no such kind of picture.
        RuntimeFault: the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("pictures need matplotlib: pip install 'pmmlink[train]'") from None
    curves = [(name, rows) for name, rows in (("targets", targets), ("measured", labels)) if rows is not None]
    seconds = audio.size / SAMPLE_RATE_HZ
    count = 2 + len(curves) + (motion_mm is not None)
    figure = Figure(figsize=(min(60.0, 3.0 + 4.0 * seconds), 2.2 * count), layout="constrained")
    FigureCanvasAgg(figure)
    rows = np.atleast_1d(figure.subplots(count, 1, sharex=True))
    if motion_mm is not None:
        rows[-1].plot(np.arange(len(motion_mm)) / LABEL_FPS, motion_mm, lw=1.2)
        rows[-1].set_ylabel("motion, mm")
    rows[0].plot(np.arange(audio.size) / SAMPLE_RATE_HZ, audio, lw=0.4, color="0.3")
    rows[0].set_ylabel("sound")
    rows[0].set_title(title)
    rows[1].specgram(audio + 1e-6, NFFT=256, noverlap=192, Fs=SAMPLE_RATE_HZ, cmap="Greys", vmin=-120)
    rows[1].set_ylabel("Hz")
    for row, (name, values) in zip(rows[2:], curves, strict=False):
        for curve in _SHOWN:
            row.plot(
                np.arange(len(values)) / LABEL_FPS, values[:, MODEL_32.index(curve)], lw=1.2, label=curve
            )
        row.set_ylabel(name)
        row.legend(loc="upper right", fontsize=7, ncols=3)
    top = 0.9 * SAMPLE_RATE_HZ / 2
    for segment in phones or ():
        colour = (
            "tab:red" if segment.phone in BILABIALS else "tab:blue" if segment.phone in LABIODENTALS else None
        )
        for row in rows:
            row.axvline(segment.start_s, color="0.75", lw=0.5)
            if colour:
                row.axvspan(segment.start_s, segment.end_s, color=colour, alpha=0.15, lw=0)
        if segment.phone != SILENCE:
            middle_s = 0.5 * (segment.start_s + segment.end_s)
            rows[1].text(middle_s, top, segment.phone, ha="center", fontsize=7, color="tab:purple")
    rows[-1].set_xlabel("seconds")
    rows[-1].set_xlim(0.0, seconds)
    try:
        with whole_file(path) as partial:
            figure.savefig(partial, format=path.suffix.lstrip(".").lower() or "png", dpi=80)
    except ValueError as error:
        raise InputError(f"{path}: not a kind of picture that can be drawn ({error})") from error
    except OSError as error:
        raise RuntimeFault(f"{path}: cannot write the picture ({error.strerror or error})") from error


def find_clip(clips: list[Clip], name: str) -> Clip:
    """The clip called ``ID`` or ``SOURCE/ID``.

    Raises:
        DataError: there is none, or several sources have one of that id.
    """
    found = [clip for clip in clips if name in (clip.id, f"{clip.source}/{clip.id}")]
    if not found:
        example = f"{clips[0].source}/{clips[0].id}" if clips else "none at all"
        raise DataError(f"{name}: no such clip in the corpus; there is, for example, {example}")
    if len(found) > 1:
        raise DataError(f"{name}: several sources have it; write {found[0].source}/{name}")
    return found[0]
