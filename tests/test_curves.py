"""The one table of curves: order, groups, mirrors, casing, and the swap between wire and CSV."""

from __future__ import annotations

import pytest

from pmmlink.curves import (
    ARKIT_52,
    LIVELINK_61,
    LIVELINK_61_CSV,
    MODEL_32,
    ROTATIONS,
    CurveSet,
    data_name,
    group_of,
    mirror_of,
    wire_name,
)


def test_the_sets_have_their_sizes_and_contain_each_other() -> None:
    assert (len(MODEL_32), len(ARKIT_52), len(LIVELINK_61)) == (32, 52, 61)
    assert set(MODEL_32.names) < set(ARKIT_52.names) < set(LIVELINK_61.names)
    assert LIVELINK_61.names[:52] == ARKIT_52.names
    assert set(LIVELINK_61.names[52:]) == ROTATIONS


@pytest.mark.parametrize(
    ("position", "name"),
    [
        (0, "EyeBlinkLeft"),
        (6, "EyeWideLeft"),
        (13, "EyeWideRight"),
        (14, "JawForward"),
        (15, "JawLeft"),
        (16, "JawRight"),
        (17, "JawOpen"),
        (18, "MouthClose"),
        (21, "MouthLeft"),
        (22, "MouthRight"),
        (51, "TongueOut"),
        (52, "HeadYaw"),
        (57, "LeftEyeRoll"),
        (60, "RightEyeRoll"),
    ],
)
def test_the_wire_order_is_live_link_faces(position: int, name: str) -> None:
    assert LIVELINK_61.wire_names[position] == name


def test_the_model_predicts_jaw_mouth_cheek_and_nose_in_arkit_order() -> None:
    counts = {
        group: sum(group_of(n) == group for n in MODEL_32.names)
        for group in ("jaw", "mouth", "cheek", "nose")
    }
    assert counts == {"jaw": 4, "mouth": 23, "cheek": 3, "nose": 2}
    positions = ARKIT_52.positions(MODEL_32.names)
    assert positions == sorted(positions)


def test_the_csv_swaps_the_two_left_right_pairs_and_nothing_else() -> None:
    swapped = {
        i for i, (a, b) in enumerate(zip(LIVELINK_61.names, LIVELINK_61_CSV.names, strict=True)) if a != b
    }
    assert swapped == {15, 16, 21, 22}
    assert LIVELINK_61_CSV.names[15:17] == ("jawRight", "jawLeft")
    assert LIVELINK_61_CSV.names[21:23] == ("mouthRight", "mouthLeft")


def test_a_vector_taken_by_name_survives_the_way_through_the_csv_order() -> None:
    values = list(range(61))
    as_csv = [values[i] for i in LIVELINK_61.positions(LIVELINK_61_CSV.names)]
    back = [as_csv[i] for i in LIVELINK_61_CSV.positions(LIVELINK_61.names)]
    assert as_csv != values
    assert back == values


def test_mirrors_pair_up_inside_every_set() -> None:
    for name in LIVELINK_61.names:
        other = mirror_of(name)
        assert other in LIVELINK_61
        assert mirror_of(other) == name
        assert (other == name) == (
            "Left" not in name and "Right" not in name and not name.startswith(("leftE", "rightE"))
        )


def test_casings_convert_both_ways() -> None:
    assert [wire_name(n) for n in ("jawOpen", "tongueOut")] == ["JawOpen", "TongueOut"]
    assert all(data_name(wire_name(n)) == n for n in LIVELINK_61.names)


def test_every_curve_has_a_group_and_a_stranger_has_none() -> None:
    assert {group_of(n) for n in LIVELINK_61.names} == {
        "jaw",
        "mouth",
        "cheek",
        "nose",
        "eye",
        "brow",
        "tongue",
        "rotation",
    }
    with pytest.raises(KeyError):
        group_of("earWiggle")


def test_a_set_refuses_a_name_given_twice() -> None:
    with pytest.raises(ValueError, match="appears twice"):
        CurveSet("x", ("a", "a"))
