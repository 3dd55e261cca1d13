"""Pictures of takes come out whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pmmlink.errors import InputError, RuntimeFault
from pmmlink.eval.plot import draw_take
from pmmlink.train.targets import curves_from_phones

PHONES = [("SIL", 0.0, 0.4), ("M", 0.4, 0.5), ("AA", 0.5, 0.8), ("F", 0.8, 0.9), ("SIL", 0.9, 1.2)]


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_a_take_is_drawn_in_the_format_of_the_name(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"take{suffix}"
    sound = np.random.default_rng(0).normal(size=19_200).astype(np.float32)
    draw_take(path, curves_from_phones(PHONES, 36).curves, PHONES, sound, "ma-f")
    assert path.read_bytes().startswith(magic)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("frames", [0, 1, 30])
def test_curves_alone_are_enough(tmp_path: Path, frames: int) -> None:
    draw_take(tmp_path / "take.png", np.zeros((frames, 32), np.float32))
    assert (tmp_path / "take.png").stat().st_size > 1000


def test_a_picture_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    curves = curves_from_phones(PHONES, 36).curves
    with pytest.raises(InputError, match="not a kind of picture"):
        draw_take(tmp_path / "take.docx", curves)
    with pytest.raises(RuntimeFault, match="cannot write"):
        draw_take(tmp_path / "none" / "take.png", curves)
    assert list(tmp_path.iterdir()) == []
