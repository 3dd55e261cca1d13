"""Profiles are strict: what is misspelt or out of range is an error with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pmmlink.curves import ARKIT_52
from pmmlink.errors import ProfileError
from pmmlink.resources import default_profile, shipped_profiles, shipped_rigs
from pmmlink.retarget import LIMITS, CurveSetting, Profile, Smoothing, load_profile, save_profile
from pmmlink.retarget.profile import GROUPS, PAIRS, find_conflict
from pmmlink.retarget.rig import Rig
from pmmlink.retarget.rig_file import shipped_rig

ROOT = Path(__file__).parents[2]


def load(tmp_path: Path, text: str) -> Profile:
    path = tmp_path / "anna.yaml"
    path.write_text(text, encoding="utf-8")
    return load_profile(path)


def test_settings_are_read_and_group_gains_multiply(tmp_path: Path) -> None:
    profile = load(
        tmp_path,
        "version: 1\nname: Anna\ngroups:\n  mouth: {gain: 2}\ncurves:\n"
        "  jawOpen: {gain: 0.8, max: 0.7}\n  mouthPucker: {gain: 1.5, offset: 0.1, min: 0.05}\n",
    )
    assert profile.name == "Anna"
    assert profile.setting("jawOpen") == CurveSetting(0.8, 0.0, 0.0, 0.7)
    assert profile.setting("mouthPucker") == CurveSetting(3.0, 0.1, 0.05, 1.0)
    assert profile.setting("mouthFunnel") == CurveSetting(gain=2.0)
    assert profile.setting("cheekPuff") == CurveSetting()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("curves: {}", r"anna\.yaml:1: no 'version'; write 'version: 1'"),
        ("version: 2", r":1: version 2 is not known here; this pmmlink reads 1"),
        ("version: true", r":1: version True is not known"),
        ("version: 1\ncurves:\n  jawopn: {gain: 1}", r":3: unknown curve 'jawopn'; did you mean 'jawOpen'\?"),
        ("version: 1\ncurves:\n  JawOpen: {}", r":3: unknown curve 'JawOpen'; did you mean 'jawOpen'\?"),
        ("version: 1\ncurves:\n  headYaw: {gain: 1}", r":3: unknown curve 'headYaw'"),
        ("version: 1\ncurvs: {}", r":2: unknown key 'curvs'; did you mean 'curves'\?"),
        ("version: 1\ngroups:\n  mouht: {gain: 1}", r":3: unknown group 'mouht'; did you mean 'mouth'\?"),
        ("version: 1\ngroups:\n  jaw: {offset: 1}", r":3: unknown setting of a group 'offset'"),
        (
            "version: 1\ncurves:\n  jawOpen:\n    gian: 1",
            r":4: unknown setting of a curve 'gian'; did you mean 'gain'\?",
        ),
        ("version: 1\ncurves:\n  jawOpen: {gain: loud}", r":3: gain must be a number, not 'loud'"),
        ("version: 1\ncurves:\n  jawOpen: {gain: .inf}", r":3: gain must be a number"),
        ("version: 1\ncurves:\n  jawOpen: {gain: 11}", r":3: gain 11 is outside 0 to 10"),
        ("version: 1\ncurves:\n  jawOpen: {min: 0.6, max: 0.5}", r":3: jawOpen: min 0\.6 is above max 0\.5"),
        ("version: 1\ncurves:\n  jawOpen: 0.5", r":3: 'jawOpen' must be a mapping"),
        ("version: 1\ncurves: 7", r":2: 'curves' must be a mapping"),
        ("version: 1\nname: 3", r":2: 'name' must be text"),
        ("version: 1\nsymmetric: maybe", r":2: symmetric must be true or false, not 'maybe'"),
        ("version: 1\nintensity: 9", r":2: intensity 9 is outside 0 to 3"),
        ("version: 1\ndelay_ms: -900", r":2: delay_ms -900 is outside -500 to 1000"),
        ("version: 1\nneutral: {jawOpen: 1}", r":2: jawOpen 1 is outside 0 to 0\.9"),
        ("version: 1\nneutral: {jaw: 0}", r":2: unknown curve 'jaw'"),
        ("version: 1\nsmoothing:\n  jaw: {beta: 1}", r":3: smoothing of jaw needs min_cutoff_hz; write"),
        ("version: 1\nsmoothing:\n  jaw: {cutoff: 1}", r":3: unknown setting of the smoothing 'cutoff'"),
        (
            "version: 1\ncurves:\n  mouthSmile: {gain: 2}\n  mouthSmileLeft: {gain: 3}",
            r":4: mouthSmileLeft is set by line 3 already; keep one of the two",
        ),
        (
            "version: 1\ngroups: {mouth: {gain: 4}}\ncurves:\n  mouthFunnel: {gain: 3}",
            r":4: mouthFunnel: gain 3 times 4 of its group is above 10",
        ),
        (
            "version: 1\ncurves:\n  jawOpen: {}\n  mouthClose: {offset: 0.1}",
            r":4: mouthClose follows jawOpen and takes a gain only; write 'tie_lips: false'",
        ),
        ("version: 1\ncurves:\n  mouthClose: {mute: true}", r":3: mouthClose follows jawOpen"),
        ("version: 1\ncurves:\n  mouthClose: {gain: 0}", r":3: mouthClose: gain 0 is outside 0\.1 to 10"),
        (
            "version: 1\nsymmetric: true\ncurves:\n  mouthSmileRight: {gain: 2}",
            r":4: .* differ, but symmetric is on; give mouthSmile one setting or write 'symmetric: false'",
        ),
        ("version: 1\nrig: vmr", r":2: no shipped rig 'vmr'; did you mean 'vrm'\?"),
        ("version: 1\nrig: {Open: jawopen}", r":2: unknown curve 'jawopen'; did you mean 'jawOpen'\?"),
        ("version: 1\nrig:\n  Open: {jawOpen: x}", r":3: weight of jawOpen must be a number"),
        ("version: 1\nrig:\n  Open: {jawOpen: 50}", r":3: weight 50 of jawOpen is outside -5 to 5"),
        ("version: 1\nrig:\n  Open: 3", r":3: Open: name an ARKit curve"),
        ("version: 1\nrig: {}", r":2: the rig has no curves"),
        (
            "version: 1\nrig:\n  CTRL_expressions_mouthUp: jawOpen",
            r":3: rig curve 'CTRL_expressions_mouthUp' switches MetaHumans away",
        ),
        ('version: 1\nrig:\n  "a,b": jawOpen', r":3: rig curve 'a,b' is not a name"),
    ],
)
def test_a_bad_profile_is_named_with_file_line_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        load(tmp_path, text)


def test_a_missing_profile_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no such file"):
        load_profile(tmp_path / "nobody.yaml")


def test_the_default_profile_is_shipped_inside_the_package_and_changes_nothing() -> None:
    assert load_profile() == Profile(name="default")
    assert shipped_profiles()["default"] == default_profile()


def test_every_shipped_profile_loads_by_name_and_lies_in_calibration_too() -> None:
    assert list(shipped_profiles()) == ["default", "arkit-raw", "broad", "metahuman", "subtle"]
    for name, path in shipped_profiles().items():
        assert load_profile(Path(name)).name == name
        assert path.read_bytes() == (ROOT / "calibration" / f"{name}.yaml").read_bytes()


def test_a_name_that_is_neither_file_nor_shipped_gets_the_nearest_shipped_one() -> None:
    with pytest.raises(ProfileError, match=r"metahumans: no such file.*did you mean 'metahuman'\?"):
        load_profile(Path("metahumans"))


def test_a_file_named_like_a_shipped_profile_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("metahuman").write_text("version: 1\nname: mine\n", encoding="utf-8")
    assert load_profile(Path("metahuman")).name == "mine"


def test_a_name_without_a_side_sets_both_sides(tmp_path: Path) -> None:
    profile = load(tmp_path, "version: 1\nsymmetric: true\ncurves:\n  mouthSmile: {gain: 1.5, exponent: 2}\n")
    assert profile.setting("mouthSmileLeft") == CurveSetting(gain=1.5, exponent=2.0)
    assert profile.setting("mouthSmileRight") == profile.setting("mouthSmileLeft")


def test_a_group_leaves_mouth_close_to_the_jaw_unless_it_is_untied(tmp_path: Path) -> None:
    text = "version: 1\ngroups:\n  mouth: {gain: 2, mute: true}\n"
    assert load(tmp_path, text).setting("mouthClose") == CurveSetting()
    assert load(tmp_path, text).setting("mouthFunnel") == CurveSetting(gain=2.0, mute=True)
    assert load(tmp_path, text + "tie_lips: false\n").setting("mouthClose").mute


def test_the_intensity_asked_for_multiplies_the_files_own(tmp_path: Path) -> None:
    path = tmp_path / "anna.yaml"
    path.write_text("version: 1\nintensity: 1.5\n", encoding="utf-8")
    assert load_profile(path, 0.5).intensity == pytest.approx(0.75)
    with pytest.raises(ProfileError, match=r"intensity 4\.5 is outside 0 to 3"):
        load_profile(path, 3.0)


def test_changes_are_checked_and_leave_the_original_alone() -> None:
    profile = Profile(name="anna", curves={"jawOpen": CurveSetting(gain=2.0)})
    louder = profile.with_changes(
        curves={"mouthPress": {"gain": 1.5}, "jawOpen": {"gain": 1.0}}, delay_ms=10.0
    )
    assert louder.curves == {
        "mouthPressLeft": CurveSetting(gain=1.5),
        "mouthPressRight": CurveSetting(gain=1.5),
    }
    assert (profile.setting("jawOpen").gain, profile.delay_ms) == (2.0, 0.0)
    for bad in (
        {"curves": {"jawOpne": {"gain": 1.0}}},
        {"curves": {"jawOpen": {"gian": 1.0}}},
        {"curves": {"jawOpen": {"gain": float("nan")}}},
        {"curves": {"jawOpen": {"minimum": 0.9, "maximum": 0.1}}},
        {"intensity": 99.0},
        {"louder": True},
        {"neutral": {"jawOpen": 2.0}},
        {"smoothing": {"jaw": Smoothing(0.0)}},
        {"smoothing": {"nobody": Smoothing(1.0)}},
    ):
        with pytest.raises(ProfileError):
            profile.with_changes(**bad)  # type: ignore[arg-type]


def within(key: str) -> st.SearchStrategy[float]:
    return st.floats(*LIMITS[key])


curve_settings = st.builds(
    CurveSetting,
    gain=within("gain"),
    offset=within("offset"),
    minimum=st.floats(0, 0.5),
    maximum=st.floats(0.5, 1),
    exponent=within("exponent"),
    mute=st.booleans(),
)
tied_close = st.builds(CurveSetting, gain=st.floats(0.1, 10))


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Any valid profile."""
    symmetric, tied = draw(st.booleans()), draw(st.booleans())
    names = draw(st.lists(st.sampled_from(ARKIT_52.names), max_size=12, unique=True))
    curves = {name: draw(curve_settings) for name in names}
    if symmetric:
        for left, right in PAIRS.values():
            curves = {n: curves[left if n == right and left in curves else n] for n in curves}
            if (left in curves) != (right in curves):
                curves[left] = curves[right] = curves.get(left, curves.get(right, CurveSetting()))
        for name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            curves.pop(name, None)
    if tied and "mouthClose" in curves:
        curves["mouthClose"] = draw(tied_close)
    curves = {name: setting for name, setting in curves.items() if setting != CurveSetting()}
    return Profile(
        name=draw(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=12)),
        curves=curves,
        neutral=draw(
            st.dictionaries(st.sampled_from(ARKIT_52.names), st.floats(0, 0.9, exclude_min=True), max_size=5)
        ),
        intensity=draw(within("intensity")),
        symmetric=symmetric,
        mirror=draw(st.booleans()),
        tie_lips=tied,
        delay_ms=draw(within("delay_ms")),
        smoothing=draw(
            st.dictionaries(
                st.sampled_from(GROUPS),
                st.builds(Smoothing, within("min_cutoff_hz"), within("beta")),
                max_size=3,
            )
        ),
        rig=draw(
            st.sampled_from([None, Rig("custom", {"Ömund": {"jawOpen": 0.5}, "off": {"tongueOut": 1.0}})])
        ),
    )


@settings(max_examples=60, deadline=None)
@given(profile=profiles())
def test_any_valid_profile_reads_back_as_it_was_saved(
    profile: Profile, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assume(find_conflict(profile) is None)
    path = tmp_path_factory.getbasetemp() / "saved.yaml"
    save_profile(profile, path, comment="made by a test\n\n: {tricky")
    assert load_profile(path) == profile
    assert not list(path.parent.glob("*.partial"))


def test_a_shipped_rig_is_saved_by_its_name(tmp_path: Path) -> None:
    for name in shipped_rigs():
        save_profile(Profile(name="x", rig=shipped_rig(name)), tmp_path / "x.yaml")
        assert f"rig: {name}\n" in (tmp_path / "x.yaml").read_text(encoding="utf-8")
        assert load_profile(tmp_path / "x.yaml").rig == shipped_rig(name)


def test_a_profile_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be written"):
        save_profile(Profile(), tmp_path / "no folder" / "x.yaml")
