"""The weights, and whether this machine is fast enough for them."""

from __future__ import annotations

import base64
import statistics
import time
from importlib import metadata
from pathlib import Path

import numpy as np

from pmmlink.dsp.resample import Resampler
from pmmlink.errors import CheckpointError
from pmmlink.resources import default_weights, sample_speech
from pmmlink.runtime.doctor.check import Finding, Level
from pmmlink.sources import FileSource
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

_WARM_UP_S = 0.5
_MEASURED_S = 3.0
_HOP = round(SAMPLE_RATE_HZ / 30)
_HOP_MS = _HOP * 1000 / SAMPLE_RATE_HZ
_COMFORTABLE = 0.5


def check_weights(path: Path | None = None) -> Finding:
    """Whether the weights are there, are those that were installed, and load.

    Args:
        path: a weights file; default the shipped one.
    """
    from pmmlink.model.checkpoint import load_model, sha256_of

    weights = path or default_weights()
    again = "name other weights" if path else "install pmmlink again"
    try:
        digest = sha256_of(weights)
        model, card = load_model(weights)
    except OSError as error:
        return Finding("weights", Level.FAULT, f"{weights}: {error.strerror or error}", again)
    except CheckpointError as error:
        return Finding("weights", Level.FAULT, str(error), again)
    facts = {"file": str(weights), "sha256": digest, "modalities": list(model.modalities)}
    text = f"{weights.name} ({', '.join(model.modalities)}) loads; sha256 {digest}"
    installed = None if path else _installed_sha256(weights)
    if installed is not None and installed != digest:
        return Finding("weights", Level.WARNING, f"{text}, installed was {installed}", again, facts)
    return Finding("weights", Level.OK, text, facts=facts | {"name": str(card.get("name", ""))})


def check_speed(path: Path | None = None) -> Finding:
    """Runs the model over real speech on one thread, a frame's sound at a time.

    Args:
        path: a weights file; default the shipped one.
    """
    from pmmlink.model.animator import load_animator

    speech = sample_at_16_khz(_WARM_UP_S + _MEASURED_S)
    animator = load_animator(path)
    costs_ms, busy_ms = [], []
    for start in range(0, len(speech) - _HOP, _HOP):
        began_s, began_busy_s = time.perf_counter(), time.thread_time()
        animator.push(speech[start : start + _HOP])
        costs_ms.append((time.perf_counter() - began_s) * 1e3)
        busy_ms.append((time.thread_time() - began_busy_s) * 1e3)
    costs_ms, busy_ms = costs_ms[round(_WARM_UP_S * 30) :], busy_ms[round(_WARM_UP_S * 30) :]
    factor = sum(costs_ms) / (len(costs_ms) * _HOP_MS)
    p50, p95 = statistics.median(costs_ms), statistics.quantiles(costs_ms, n=20)[-1]
    text = f"{factor:.2f} of real time on one thread; a frame takes {p50:.1f} ms (p95 {p95:.1f} ms)"
    facts = {
        "real_time_factor": round(factor, 3),
        "real_time_factor_alone": round(sum(busy_ms) / (len(busy_ms) * _HOP_MS), 3),
        "frame_ms_p50": round(p50, 2),
        "frame_ms_p95": round(p95, 2),
    }
    if factor < _COMFORTABLE:
        return Finding("model speed", Level.OK, text, facts=facts)
    if sum(busy_ms) < sum(costs_ms) / 2:
        text += (
            f", of which {statistics.median(busy_ms):.1f} ms are its own: other programs take the processor"
        )
    if factor >= 1:
        advice = "too slow to play live: stop other programs, or use pmmlink bake, which may take its time"
        return Finding("model speed", Level.FAULT, text, advice, facts)
    advice = "little room: stop other programs while playing, or bake the file first"
    return Finding("model speed", Level.WARNING, text, advice, facts)


def sample_at_16_khz(seconds: float) -> FloatArray:
    """The beginning of the shipped speech as the model hears it, ``[N]``, at most so long."""
    parts: list[FloatArray] = []
    with FileSource(sample_speech()) as source:
        resampler = Resampler(source.rate_hz)
        block = source.read(round(seconds * source.rate_hz))
        if block is not None:
            parts.append(resampler.push(block.mono().samples))
        parts.append(resampler.flush())
    return np.concatenate(parts)


def _installed_sha256(path: Path) -> str | None:
    """The digest that pip noted when it installed the file; None in a checkout."""
    try:
        files = metadata.files("pmmlink") or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == path.name and file.hash is not None and file.hash.mode == "sha256":
            value = file.hash.value
            return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
    return None
