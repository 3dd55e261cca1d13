"""Calibration on measured faces: fitted on some clips, it helps on others."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pmmlink.curves import MODEL_32
from pmmlink.resources import default_weights
from pmmlink.retarget import Profile, Retargeter, TimeShift
from pmmlink.retarget.fit import Recording, fit_profile
from pmmlink.train.corpus.curve_csv import read_curves
from pmmlink.train.corpus.grid import LIVE


def error(recordings: list[Recording], profile: Profile) -> float:
    """Mean absolute error of the measured curves after the profile."""
    errors = []
    for recording in recordings:
        shift = TimeShift(profile.delay_ms / 1e3, Fraction(30), 32)
        moved = np.concatenate([shift.push(recording.predicted), shift.flush()])
        errors.append(np.abs(Retargeter(profile, MODEL_32).apply(moved) - recording.recorded))
    return float(np.nanmean(np.concatenate(errors)))


@pytest.mark.slow
def test_a_profile_fitted_on_some_grid_clips_lowers_the_error_on_others(shared: Path) -> None:
    if not default_weights().is_file():
        pytest.skip("needs the shipped weights")
    from pmmlink.model.animator import load_animator
    from pmmlink.runtime.calibrate import predict, profile_of, read_sound

    animator = load_animator()
    root = shared / "data" / "grid_s1"
    # MediaPipe's mouthClose is not ARKit's, and dead columns are no labels: see the corpus reader.
    dead = [i for i, name in enumerate(MODEL_32.names) if name not in LIVE or name == "mouthClose"]

    def record(stem: str) -> Recording:
        recorded = read_curves(root / "arkit" / f"{stem}.csv")
        recorded[:, dead] = np.nan
        predicted = predict(animator, read_sound(root / "audio" / f"{stem}.opus"))
        count = min(len(predicted), len(recorded))
        return Recording(predicted[:count], recorded[:count])

    stems = sorted(path.stem for path in (root / "audio").glob("*.opus"))
    fitted, others = (
        [record(stem) for stem in stems[cut]] for cut in (slice(0, 240, 12), slice(500, 900, 20))
    )
    profile = profile_of(fit_profile(fitted), "grid")
    before, after = error(others, Profile()), error(others, profile)
    print(f"held-out error {before:.4f} -> {after:.4f}")
    assert after < 0.98 * before
