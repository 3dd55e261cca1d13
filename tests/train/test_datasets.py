"""Data sets: takes load as they were recorded, what is wrong is said, and the protocols part them."""

from __future__ import annotations

import pickle
import shutil
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from takes import MESH_VERTICES, jaw, make_takes, make_vocaset, sound, template, write_csv, write_mov

from pmmlink.curves import LIVELINK_61, LIVELINK_61_CSV, MODEL_32
from pmmlink.errors import DataError
from pmmlink.train.datasets import open_dataset, split_takes
from pmmlink.train.datasets.base import Dataset, Take, TakeData
from pmmlink.train.datasets.safe_pickle import load_arrays
from pmmlink.train.datasets.sound import read_sound
from pmmlink.train.datasets.vocaset import PUBLIC_SPLIT

JAW = MODEL_32.index("jawOpen")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_takes(tmp_path_factory.mktemp("sets") / "takes")


@pytest.fixture
def takes(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(made, tmp_path / "takes"))


def loaded(root: Path, name: str) -> TakeData:
    return next(take for take in open_dataset(root).takes if take.id == name).load()


# --- Live Link Face takes ------------------------------------------------------------------------


def test_a_folder_of_subjects_is_opened_with_what_its_list_says(made: Path) -> None:
    dataset = open_dataset(made)
    assert dataset.kind == "curves"
    assert dataset.outputs == 32
    assert dataset.styles == dataset.subjects == ("anna", "bert", "cora")
    assert [take.id for take in dataset.takes] == [f"{s}/take_{n}" for s in dataset.subjects for n in (1, 2)]
    cora = dataset.takes[-1]
    assert (cora.subject, cora.language, cora.gender) == ("cora", "en", "female")
    pickle.loads(pickle.dumps(dataset))  # worker processes get it so


@pytest.mark.parametrize("name", ["anna/take_1", "bert/take_1", "cora/take_2"])
def test_takes_come_at_30_fps_and_16_khz_by_name_whatever_the_files_are(made: Path, name: str) -> None:
    data = loaded(made, name)
    assert data.targets.shape == (60, 32)
    assert len(data.audio) == 32_000
    assert data.audio.dtype == data.targets.dtype == np.float32
    np.testing.assert_allclose(data.targets[:, JAW], jaw(np.arange(60) / 30.0), atol=1e-6)
    np.testing.assert_allclose(data.targets[:, MODEL_32.index("jawLeft")], 0.05, atol=1e-6)
    assert not data.targets[:, MODEL_32.index("jawRight")].any()
    assert data.notes == ()


def test_the_sound_keeps_its_time(made: Path) -> None:
    """The buzz is as loud as the jaw is open: its level in each frame follows the labels without a lag."""
    data = loaded(made, "bert/take_1")
    level = np.sqrt(np.mean(data.audio[: 59 * 533].reshape(59, 533) ** 2, axis=1))
    middle = 0.5 * (data.targets[:59, JAW] + data.targets[1:60, JAW])
    by_lag = {lag: np.corrcoef(level[3:-3], np.roll(middle, lag)[3:-3])[0, 1] for lag in (-1, 0, 1)}
    assert max(by_lag, key=lambda lag: by_lag[lag]) == 0
    assert by_lag[0] > 0.98


def test_lost_frames_are_counted_short_gaps_are_bridged_and_long_ones_get_no_label(made: Path) -> None:
    data = loaded(made, "bert/take_2")
    assert len(data.notes) == 1
    assert data.notes[0].startswith("18 of 120 frames missing in 2 places, longest 0.27 s at 0.98 s")
    lost = np.isnan(data.targets).all(axis=1)
    assert np.flatnonzero(lost).tolist() == list(range(30, 38))
    ends = jaw(np.array([19, 23]) / 60.0)  # the frames on both sides of the gap
    bridged = np.interp([20.0, 22.0], [19.0, 23.0], ends)
    np.testing.assert_allclose(data.targets[10:12, JAW], bridged, atol=1e-6)


def test_a_take_at_59_94_fps_is_resampled_by_its_timecodes(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", 15.0, fps=Fraction(60_000, 1001))
    soundfile.write(tmp_path / "a.wav", sound(15.0, 16_000), 16_000)
    data = loaded(tmp_path, "a")
    assert data.notes == ()
    assert len(data.targets) in (449, 450)
    off = np.abs(data.targets[-150:, JAW] - jaw(np.arange(len(data.targets))[-150:] / 30.0)).mean()
    every_second_row = np.abs(
        jaw(np.arange(300, 450) / 30.0 * 1.001) - jaw(np.arange(300, 450) / 30.0)
    ).mean()
    assert off < 0.003
    assert every_second_row > 5 * off


def test_labels_that_count_59_94_as_60_are_stretched_when_the_list_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write_csv(tmp_path / "a" / "t.csv", 110.0, fps=Fraction(30))
    noise = 0.01 * np.random.default_rng(0).standard_normal(round(110.11 * 8000))
    soundfile.write(tmp_path / "a" / "t.wav", noise, 8000)
    plain = loaded(tmp_path, "a/t")
    assert "say so in subjects.yaml" in plain.notes[0]
    (tmp_path / "subjects.yaml").write_text("a: {timecode: 59.94}\n", encoding="utf-8")
    told = loaded(tmp_path, "a/t")
    assert told.notes == ("timecode counts 59.94 frames a second",)
    assert len(told.targets) == len(plain.targets) + 3
    last = len(told.targets) - 1
    np.testing.assert_allclose(told.targets[last, JAW], jaw(np.array([last / 30.0 / 1.001]))[0], atol=0.05)


def test_a_take_is_masked_as_its_list_says(takes: Path) -> None:
    (takes / "subjects.yaml").write_text("anna: {mask: [cheekPuff]}\n", encoding="utf-8")
    data = loaded(takes, "anna/take_1")
    nan = np.isnan(data.targets).all(axis=0)
    assert [MODEL_32.names[i] for i in np.flatnonzero(nan)] == ["cheekPuff"]


def test_the_calibrated_csv_of_a_take_is_chosen_and_the_neutral_one_is_no_take(tmp_path: Path) -> None:
    folder = tmp_path / "anna" / "20260101_slate_1"
    folder.mkdir(parents=True)
    for ending in ("_raw", "_cal", "_neutral"):
        write_csv(folder / f"slate_1{ending}.csv", 1.5)
    write_mov(folder / "slate_1.mov", sound(1.5))
    dataset = open_dataset(tmp_path)
    assert [take.files[0].name for take in dataset.takes] == ["slate_1_cal.csv"]
    assert dataset.takes[0].subject == "anna"


def spoil(takes: Path, what: str) -> None:
    path = takes / "anna" / "take_1.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    if what == "no sound":
        (takes / "anna" / "take_1.wav").unlink()
    elif what == "no take":
        path.unlink()
    elif what == "51 columns":
        cut = [line.split(",")[:53] for line in lines]
        path.write_text("\n".join(map(",".join, cut)), encoding="utf-8")
    elif what == "short row":
        lines[9] = lines[9].rpartition(",")[0]
        path.write_text("\n".join(lines), encoding="utf-8")
    elif what == "nan row":
        cells = lines[7].split(",")
        lines[7] = ",".join([*cells[:2], *["nan"] * 61])
        path.write_text("\n".join(lines), encoding="utf-8")
    elif what == "lengths":
        soundfile.write(takes / "anna" / "take_1.wav", sound(4.0), 48_000)
    elif what == "short":
        write_csv(path, 0.4)
        soundfile.write(takes / "anna" / "take_1.wav", sound(0.4), 48_000)
    elif what == "no rows":
        path.write_text(lines[0] + "\n", encoding="utf-8")
    elif what == "silent film":
        (takes / "anna" / "take_1.wav").write_bytes(b"not sound at all")
    elif what == "gaps":
        write_csv(path, 2.0, skip=range(10, 70))
    elif what == "unknown subject":
        (takes / "subjects.yaml").write_text("bertt: {gender: male}\n", encoding="utf-8")
    elif what == "gender":
        (takes / "subjects.yaml").write_text("bert: {gender: man}\n", encoding="utf-8")
    elif what == "mask":
        (takes / "subjects.yaml").write_text("bert: {mask: [jawOpne]}\n", encoding="utf-8")
    elif what == "language":
        (takes / "subjects.yaml").write_text("bert: {language: no}\n", encoding="utf-8")
    elif what == "timecode":
        (takes / "subjects.yaml").write_text("bert: {timecode: 61}\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no sound", r"take_1\.csv: no sound beside it \(take_1\.wav"),
        ("no take", r"take_1\.wav: no take beside it \(take_1\.csv\)"),
        ("unknown subject", r"subjects\.yaml:1: unknown subject 'bertt'; did you mean 'bert'"),
        ("gender", r"subjects\.yaml:1: gender 'man'; write male or female"),
        ("mask", r"subjects\.yaml:1: mask: 'jawOpne' is no curve; did you mean 'jawOpen'"),
        ("language", r"subjects\.yaml:1: language False; .*quote 'no'"),
        ("timecode", r"subjects\.yaml:1: timecode '61' is not one of"),
    ],
)
def test_a_data_set_whose_files_do_not_match_is_refused(takes: Path, what: str, said: str) -> None:
    spoil(takes, what)
    with pytest.raises(DataError, match=said) as raised:
        open_dataset(takes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("51 columns", r"take_1\.csv: 51 curves, the app writes 61; missing: "),
        ("short row", r"take_1\.csv:10: 62 cells, the header has 63"),
        ("nan row", r"take_1\.csv: frame 6 has a value that is not finite"),
        ("lengths", r"take_1\.wav lasts 4\.00 s and the labels 2\.00 s: not of one take"),
        ("short", r"take_1\.csv: 0\.40 s: too short; a take needs 1 s"),
        ("no rows", r"take_1\.csv: 0 frames"),
        ("silent film", r"take_1\.wav: not a sound or video file"),
        ("gaps", r"take_1\.csv: 60 of 120 frames are missing"),
    ],
)
def test_a_bad_take_says_what_is_wrong_and_leaves_the_others_alone(takes: Path, what: str, said: str) -> None:
    spoil(takes, what)
    first, *others = open_dataset(takes).takes
    with pytest.raises(DataError, match=said) as raised:
        first.load()
    assert "\n" not in str(raised.value)
    assert others[0].load().targets.shape == (60, 32)


def test_a_folder_without_a_data_set_says_what_it_could_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data set here: expected folders of Live Link Face takes"):
        open_dataset(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        open_dataset(tmp_path / "none")


# --- VOCASET -------------------------------------------------------------------------------------


@pytest.fixture
def vocaset(tmp_path: Path) -> Path:
    return make_vocaset(tmp_path / "vocaset", [names[0] for names in PUBLIC_SPLIT.values()])


def test_meshes_come_as_offsets_from_the_template_in_millimetres(vocaset: Path) -> None:
    dataset = open_dataset(vocaset)
    assert (dataset.kind, dataset.outputs, len(dataset.takes)) == ("vertices", 3 * MESH_VERTICES, 6)
    for take in dataset.takes[:2]:
        data = take.load()
        assert data.targets.shape == (45, 3 * MESH_VERTICES)
        offsets = data.targets.reshape(45, -1, 3)
        assert not offsets[:, :10].any()
        fallen = -12.0 * jaw(np.arange(45) / 30.0) / 0.35
        np.testing.assert_allclose(offsets[:, 15, 1], fallen, atol=1e-3)
        assert len(data.audio) == 24_000


def test_the_public_split_is_by_subject(vocaset: Path) -> None:
    split = split_takes(open_dataset(vocaset), "public")
    for part, names in PUBLIC_SPLIT.items():
        assert {take.subject for take in getattr(split, part)} == {names[0]}


@pytest.mark.parametrize("form", ["templates.npz", "templates.npy"])
def test_templates_may_be_plain_arrays(vocaset: Path, form: str) -> None:
    before = open_dataset(vocaset)
    (vocaset / "templates.pkl").unlink()
    table = {subject: template() for subject in before.subjects}
    if form.endswith("npz"):
        np.savez(vocaset / form, **table)
    else:
        np.save(vocaset / form, np.array(table, dtype=object), allow_pickle=True)
    np.testing.assert_array_equal(
        open_dataset(vocaset).takes[0].load().targets, before.takes[0].load().targets
    )


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("echo owned > owned.txt",)


class _Sneaky:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return np.fromfile, ("/etc/hostname",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pickle.dumps({"a": _Hostile()}), r"refused: it names (posix|nt)\.system"),
        (pickle.dumps(_Sneaky()), "refused: it names numpy"),
        (pickle.dumps({"a": template()})[:-40], "templates.pkl"),
        (pickle.dumps([1, 2]), "not a table of subject"),
        (pickle.dumps({"a": "text"}), "is no array of vertices"),
        (pickle.dumps({"a": np.array(["x", None])}), "refused: an array of 'O8', which are no numbers"),
        (pickle.dumps({"a": template()}).replace(b"K\x28K\x03", b"K\x29K\x03"), "do not fit its shape"),
        (pickle.dumps({(1, 2): template()}), "keys that are no names"),
        (pickle.dumps({"a": np.float32}), "refused: it names numpy.float32"),
        (b"cnumpy\ndtype\n(N}S'_make'\nI1\nstb.", "refused: it changes what it names"),
        (b"\x80\x04\x95", "templates.pkl"),
        (b"", "templates.pkl"),
        (b"cnumpy\nndarray\n(tR.", "templates.pkl"),
        # A list of its own list, a thousand million zeros by name, and a negative memo.
        (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I1000000000\ntVb\ntR.", "templates.pkl"),
    ],
)
def test_a_hostile_or_broken_pickle_is_refused_and_runs_nothing(
    vocaset: Path, content: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(vocaset)
    (vocaset / "templates.pkl").write_bytes(content)
    with pytest.raises(DataError, match=said) as raised:
        open_dataset(vocaset)
    assert "\n" not in str(raised.value)
    assert not (vocaset / "owned.txt").exists()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_protocol_of_pickle_is_read(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "t.pkl"
    path.write_bytes(pickle.dumps({"a": template(), "b": [1, 2.5, "x"]}, protocol=protocol))
    found = load_arrays(path)
    np.testing.assert_array_equal(found["a"], template())
    assert found["b"] == [1, 2.5, "x"]


def test_meshes_of_another_size_or_without_sound_are_named(vocaset: Path) -> None:
    first, second = sorted((vocaset / "vertices_npy").glob("*.npy"))[:2]
    np.save(first, np.zeros((90, 30), np.float32))
    (vocaset / "audio" / f"{second.stem}.wav").rename(vocaset / "audio" / "other.wav")
    with pytest.raises(DataError, match=r"no sound for it .* \(and 1 more"):
        open_dataset(vocaset)
    (vocaset / "audio" / "other.wav").rename(vocaset / "audio" / f"{second.stem}.wav")
    with pytest.raises(DataError, match=r"an array of 90 × 30; its template has 40 vertices"):
        open_dataset(vocaset).takes[0].load()


# --- labelled folders ----------------------------------------------------------------------------


def _labelled(root: Path, name: str, *, apart: bool) -> None:
    tables, sounds = (root / name / "arkit", root / name / "audio") if apart else (root / name, root / name)
    for folder in (tables, sounds):
        folder.mkdir(parents=True, exist_ok=True)
    for number in range(4):
        rows = [f"{value:.5f}," for value in jaw(np.arange(45) / 30.0)]
        text = "jawOpen,mouthPucker,frame\n" + "".join(f"{row}{'nan' if number else ''},7\n" for row in rows)
        (tables / f"c{number}.csv").write_text(text, encoding="utf-8")
        soundfile.write(sounds / f"c{number}.ogg", sound(1.5, 16_000), 16_000)


def test_every_labelled_folder_is_a_style_and_empty_cells_are_masked(tmp_path: Path) -> None:
    _labelled(tmp_path, "rig", apart=False)
    _labelled(tmp_path, "tracker", apart=True)
    dataset = open_dataset(tmp_path)
    assert Counter(take.style for take in dataset.takes) == {"rig": 4, "tracker": 4}
    data = dataset.takes[1].load()
    np.testing.assert_allclose(data.targets[:, JAW], jaw(np.arange(45) / 30.0), atol=1e-5)
    assert np.isfinite(data.targets).any(axis=0).sum() == 1
    alone = open_dataset(tmp_path / "tracker")
    assert alone.styles == ("tracker",)


def test_the_shared_sources_are_masked_where_they_have_no_label(shared: Path) -> None:
    dataset = open_dataset(shared / "data" / "facegood_zh")
    data = dataset.takes[0].load()
    masked = {
        n for n, known in zip(MODEL_32.names, np.isfinite(data.targets).any(axis=0), strict=True) if not known
    }
    dead = {"mouthClose", "mouthFrownLeft", "mouthFrownRight", "mouthShrugLower", "jawForward", "cheekPuff"}
    assert dead | {"mouthDimpleLeft", "noseSneerRight"} <= masked
    assert not masked & {"jawOpen", "mouthFunnel", "mouthPucker", "mouthUpperUpLeft", "mouthLowerDownRight"}
    assert abs(len(data.audio) / 16_000 - len(data.targets) / 30) < 1 / 30
    both = open_dataset(shared / "data")
    assert set(both.styles) == {"grid_s1", "facegood_zh"}
    clip = next(take for take in both.takes if take.style == "grid_s1")
    assert (clip.gender, clip.language) == ("male", "en")
    known = np.isfinite(clip.load().targets)
    assert (known.all(axis=0) == known.any(axis=0)).all()
    assert {n for n, there in zip(MODEL_32.names, known.all(axis=0), strict=True) if there} == {
        *("jawOpen", "mouthClose", "mouthPucker", "mouthRollUpper"),
        *("mouthSmileLeft", "mouthSmileRight", "mouthPressLeft", "mouthPressRight"),
    }


# --- protocols -----------------------------------------------------------------------------------


def _people(men: int, women: int, takes: int = 1) -> Dataset:
    def nothing() -> TakeData:
        raise DataError("not to be read")

    people = [(f"m{i:02d}", "male") for i in range(men)] + [(f"f{i:02d}", "female") for i in range(women)]
    return Dataset(
        Path("set"),
        "takes",
        tuple(
            Take(f"{name}/{n}", name, name, "zh", gender, (), nothing)
            for name, gender in people
            for n in range(takes)
        ),
    )


def test_cross_subject_parts_the_paper_s_20_volunteers_12_4_4_by_identity() -> None:
    dataset = _people(14, 6, takes=3)
    split = split_takes(dataset, "cross-subject", seed=7)
    parts = [{take.subject for take in part} for part in (split.train, split.val, split.test)]
    assert [len(part) for part in parts] == [12, 4, 4]
    assert set.union(*parts) == set(dataset.subjects)
    assert len(split.train) + len(split.val) + len(split.test) == 60
    assert split_takes(dataset, "cross-subject", seed=7) == split
    assert split_takes(dataset, "cross-subject", seed=8) != split


def test_a_split_does_not_depend_on_the_order_of_the_files() -> None:
    dataset = _people(6, 4)
    turned = Dataset(dataset.path, dataset.format, dataset.takes[::-1])
    for seed in range(5):
        a, b = (split_takes(d, "cross-subject", seed) for d in (dataset, turned))
        assert {take.id for take in a.test} == {take.id for take in b.test}


def test_cross_gender_trains_on_all_men_and_parts_the_women_evenly() -> None:
    split = split_takes(_people(14, 6, takes=2), "cross-gender", seed=1)
    assert {take.gender for take in split.train} == {"male"}
    assert len(split.train) == 28
    women = [{take.subject for take in part} for part in (split.val, split.test)]
    assert [len(part) for part in women] == [3, 3]
    assert not women[0] & women[1]


def test_cross_take_keeps_every_subject_in_every_part() -> None:
    split = split_takes(_people(1, 1, takes=10), "cross-take", seed=3)
    for part, size in ((split.train, 12), (split.val, 4), (split.test, 4)):
        assert len(part) == size
        assert {take.subject for take in part} == {"m00", "f00"}
    assert not {take.id for take in split.train} & {take.id for take in split.test}


def test_protocols_that_cannot_be_followed_say_why(made: Path) -> None:
    with pytest.raises(DataError, match=r"2 subjects; cross-subject needs three or more .*: use cross-take"):
        split_takes(_people(1, 1), "cross-subject")
    with pytest.raises(DataError, match="0 men and 3 women"):
        split_takes(_people(0, 3), "cross-gender")
    with pytest.raises(DataError, match="2 takes of m00; cross-take needs three"):
        split_takes(_people(1, 0, takes=2), "cross-take")
    with pytest.raises(DataError, match="come without a split of their own"):
        split_takes(_people(3, 3), "public")
    (unlisted,) = (take for take in open_dataset(made).takes if take.id == "anna/take_1")
    nobody = Take("x", "xaver", "xaver", "und", None, unlisted.files, unlisted.loader)
    with pytest.raises(
        DataError, match=r"the gender of xaver is not known; write it into its subjects\.yaml"
    ):
        split_takes(Dataset(made, "takes", (unlisted, nobody)), "cross-gender")


def test_three_subjects_are_enough_for_both_protocols(made: Path) -> None:
    dataset = open_dataset(made)
    for protocol in ("cross-subject", "cross-gender"):
        split = split_takes(dataset, protocol)  # type: ignore[arg-type]
        assert all(len(part) == 2 for part in (split.train, split.val, split.test))
    assert split.train_styles == ("bert",)


def test_films_and_sound_files_give_the_same_sound(made: Path) -> None:
    film, plain = read_sound(made / "bert" / "take_1.mov"), sound(2.0, 16_000)
    assert abs(len(film) - 32_000) < 1100
    assert np.corrcoef(film[4000:28_000], plain[4000:28_000])[0, 1] > 0.95


def test_the_columns_of_the_app_are_61() -> None:
    assert len(LIVELINK_61) == len(LIVELINK_61_CSV) == 61
