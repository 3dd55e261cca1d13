"""A picture of a take: the lip gap, the jaw, the phones, and whether the closures were made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.errors import InputError, RuntimeFault
from pmmlink.eval.speech import CLOSED_SHARE, OPEN_SHARE, Phone
from pmmlink.lips import lip_gap_mm
from pmmlink.phones import BILABIALS, LABIODENTALS, SILENCE
from pmmlink.types import MODEL_FPS, SAMPLE_RATE_HZ, FloatArray
from pmmlink.whole_file import whole_file

_SHOWN = (
    ("jawOpen", "mouthClose", "mouthRollLower"),
    ("mouthPucker", "mouthFunnel", "mouthSmileLeft", "mouthUpperUpLeft", "mouthLowerDownLeft"),
)


def draw_take(
    path: Path,
    curves: FloatArray,
    phones: Sequence[Phone] = (),
    audio: FloatArray | None = None,
    title: str = "",
) -> None:
    """Draws a take to a picture file.

    P, B and M stand on a red ground, F and V on a blue one; the lines are the gaps below which lips count as
    closed and above which they count as open.

    Args:
        path: where to; the suffix (``.png``, ``.svg``, ``.pdf``) says what.
        curves: ``[T, 32]`` at 30 fps.
        phones: what is said; may be empty.
        audio: 16 kHz mono, drawn on top when given.
        title: above the picture.

    Raises:
        InputError: matplotlib is missing, or knows no such kind of picture.
        RuntimeFault: the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("pictures need matplotlib: pip install 'pmmlink[train]'") from None

    seconds = len(curves) / float(MODEL_FPS)
    figure = Figure(figsize=(min(40.0, 3.0 + 3.5 * seconds), 9.0), layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subplots(4, 1, sharex=True, height_ratios=(1, 2, 2, 2))
    t = np.arange(len(curves)) / float(MODEL_FPS)
    if audio is not None:
        rows[0].plot(np.arange(len(audio)) / SAMPLE_RATE_HZ, audio, lw=0.4, color="0.3")
    rows[0].set_ylabel("sound")
    rows[0].set_title(title)

    gap = lip_gap_mm(curves)
    p95 = float(np.percentile(gap, 95)) if len(gap) else 0.0
    closed = gap <= CLOSED_SHARE * p95
    rows[1].plot(t, gap, color="k", lw=1.2)
    rows[1].plot(t[closed], gap[closed], "o", color="tab:red", ms=4, label="closed")
    rows[1].axhline(CLOSED_SHARE * p95, color="tab:red", lw=0.6)
    rows[1].axhline(OPEN_SHARE * p95, color="tab:green", lw=0.6)
    rows[1].set_ylabel("lip gap, mm")
    for row, names in zip(rows[2:], _SHOWN, strict=True):
        for name in names:
            row.plot(t, curves[:, MODEL_32.index(name)], lw=1.2, label=name)
        row.legend(loc="upper right", fontsize=8)
    rows[-1].set_xlabel("seconds")
    for name, start, end in phones:
        ground = "tab:red" if name in BILABIALS else "tab:blue" if name in LABIODENTALS else None
        for row in rows:
            row.axvline(start, color="0.88", lw=0.6, zorder=0)
            if ground:
                row.axvspan(start, end, color=ground, alpha=0.12, lw=0)
        if name != SILENCE:
            rows[1].text(
                0.5 * (start + end), 1.02 * float(gap.max(initial=1.0)), name, ha="center", fontsize=8
            )

    suffix = path.suffix.lstrip(".").lower()
    try:
        with whole_file(path) as partial:
            figure.savefig(partial, format=suffix, dpi=80)
    except ValueError as error:
        raise InputError(f"{path}: not a kind of picture that can be drawn ({error})") from error
    except OSError as error:
        raise RuntimeFault(f"{path}: cannot write the picture ({error.strerror or error})") from error
