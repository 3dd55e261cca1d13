"""Forced alignment: the path search, the aligner that learns, and two aligners against each other."""

from __future__ import annotations

import ctypes.util
import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pmmlink.errors import DataError
from pmmlink.phones import PHONE_INDEX, PHONES
from pmmlink.train.corpus.base import Segment
from pmmlink.train.corpus.builder import build_source
from pmmlink.train.corpus.check import check_corpus
from pmmlink.train.corpus.flite import Flite
from pmmlink.train.corpus.frame_aligner import FrameAligner, corpus_examples, learn, search
from pmmlink.train.corpus.reader import load_manifest
from pmmlink.train.corpus.recogniser_features import RecogniserFeatures
from pmmlink.train.corpus.snap import snap
from pmmlink.train.corpus.speechocean import Speechocean
from pmmlink.train.corpus.speechocean_untimed import SpeechoceanUntimed
from pmmlink.train.corpus.sphinx import Alignment, SphinxAligner, Word
from pmmlink.train.corpus.text_en import spoken_words
from pmmlink.train.corpus.twice import merge

needs_flite = pytest.mark.skipif(
    ctypes.util.find_library("flite_cmu_us_slt") is None, reason="the library flite is not installed"
)
needs_sphinx = pytest.mark.skipif(
    importlib.util.find_spec("pocketsphinx") is None, reason="pocketsphinx is not installed"
)
needs_recogniser = pytest.mark.skipif(
    importlib.util.find_spec("hama") is None, reason="the recogniser hama is not installed"
)


def _posteriors(spoken: list[tuple[str, int]]) -> np.ndarray:
    """Log posteriors of 10 ms frames in which each phone is sure for so many frames."""
    rows = []
    for phone, frames in spoken:
        row = np.full(len(PHONES), np.log(0.1 / (len(PHONES) - 1)), np.float32)
        row[PHONE_INDEX[phone]] = np.log(0.9)
        rows += [row] * frames
    return np.array(rows)


def test_the_search_finds_known_times_and_the_pronunciation_spoken() -> None:
    spoken = [("SIL", 12), ("M", 8), ("AA", 15), ("SIL", 20), ("B", 6), ("IY", 14), ("SIL", 5)]
    found = search(_posteriors(spoken), [[["M", "AE"], ["M", "AA"]], [["B", "IY"]]])
    assert [(s.phone, round(s.start_s, 2), round(s.end_s, 2)) for s in found.phones] == [
        ("M", 0.12, 0.20),
        ("AA", 0.20, 0.35),
        ("B", 0.55, 0.61),
        ("IY", 0.61, 0.75),
    ]
    assert found.score == pytest.approx(np.log(0.9), abs=1e-4)


def test_the_search_scores_a_wrong_text_lower_and_refuses_one_that_is_too_long() -> None:
    log_p = _posteriors([("SIL", 5), ("M", 8), ("AA", 15), ("SIL", 5)])
    right, wrong = search(log_p, [[["M", "AA"]]]), search(log_p, [[["F", "IY"]]])
    assert right.score > wrong.score + 1.0
    with pytest.raises(DataError, match="too short for its transcript"):
        search(log_p, [[["M", "AA", "M", "AA"] * 6]])
    with pytest.raises(DataError, match="nothing to align"):
        search(log_p, [])


@needs_flite
@needs_recogniser
def test_an_aligner_learnt_from_a_few_clips_times_an_unseen_one(tmp_path: Path) -> None:
    build_source(Flite(), tmp_path, tmp_path, limit=24)
    held_out, *rest = corpus_examples(tmp_path)
    learn(rest, tmp_path / "aligner.npz")
    aligner = FrameAligner(tmp_path / "aligner.npz")
    truth = [segment for segment in held_out.phones if segment.phone != "SIL"]
    words: list[list[list[str]]] = [[[]]]
    for segment in held_out.phones:
        if segment.phone == "SIL":
            words.append([[]])
        else:
            words[-1][0].append(segment.phone)
    found = aligner.align(held_out.samples, [word for word in words if word[0]])
    assert [segment.phone for segment in found.phones] == [segment.phone for segment in truth]
    errors_s = [abs(a.start_s - b.start_s) for a, b in zip(found.phones, truth, strict=True)]
    assert np.median(errors_s) < 0.04
    with pytest.raises(DataError, match="too short to be recognised"):
        aligner.align(np.zeros(100, np.float32), [[["M"]]])


def test_an_aligner_file_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "aligner.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="not an aligner; delete it"):
        FrameAligner(tmp_path / "aligner.npz")


@needs_flite
@needs_sphinx
def test_pocketsphinx_finds_the_times_that_flite_gave(tmp_path: Path) -> None:
    build_source(Flite(), tmp_path, tmp_path, limit=6)
    aligner = SphinxAligner()
    errors_s: list[float] = []
    for clip in load_manifest(tmp_path):
        assert clip.phones is not None
        truth = [segment for segment in clip.phones if segment.phone != "SIL"]
        found = aligner.align_phones(clip.load_audio(), [[segment.phone for segment in truth]])
        errors_s += [a.start_s - b.start_s for a, b in zip(found.phones, truth, strict=True)]
    assert abs(np.median(errors_s)) < 0.012
    assert np.quantile(np.abs(errors_s), 0.75) < 0.03


@needs_sphinx
def test_pocketsphinx_says_what_it_cannot_align() -> None:
    aligner = SphinxAligner()
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    with pytest.raises(DataError, match="transcript is empty"):
        aligner.align(noise, [])
    with pytest.raises(DataError, match="not in the pronouncing dictionary: xyzzyx"):
        aligner.align(noise, ["hello", "xyzzyx"])
    with pytest.raises(DataError, match="no alignment found"):
        aligner.align(noise[:1600], ["hippopotamus", "refrigerator", "encyclopedia"])


def test_two_aligners_are_averaged_where_they_agree_and_counted_where_not() -> None:
    def alignment(*times: tuple[str, float, float]) -> Alignment:
        phones = tuple(Segment(*entry) for entry in times)
        return Alignment((Word("", phones[0].start_s, phones[-1].end_s, phones),), -1.0)

    first = alignment(("M", 0.10, 0.20), ("AA", 0.20, 0.40), ("B", 0.40, 0.90))
    second = alignment(("M", 0.12, 0.22), ("AA", 0.22, 0.42), ("B", 0.42, 0.50))
    merged, apart = merge(first, second)
    assert apart == pytest.approx(1 / 3)
    assert [(s.phone, round(s.start_s, 3), round(s.end_s, 3)) for s in merged] == [
        ("M", 0.11, 0.21),
        ("AA", 0.21, 0.41),
        ("B", 0.41, 0.5),
    ]


class _Fixed(SphinxAligner):
    """An aligner that always finds the same."""

    def __init__(self, phones: list[Segment]) -> None:
        super().__init__()
        self._found = Alignment((Word("", 0.0, 1.0, tuple(phones)),), -1.0)

    def align_phones(self, samples: np.ndarray, words: list[list[str]]) -> Alignment:  # noqa: ARG002
        return self._found


def test_snapped_phones_leave_no_gap_inside_a_word() -> None:
    rough = [
        [Segment("M", 0.10, 0.20), Segment("AO", 0.20, 0.30), Segment("R", 0.30, 0.40)],
        [Segment("L", 0.60, 0.70)],
    ]
    # The aligner is 20 ms earlier, and has lost the R: there the voice's own time is taken, 20 ms earlier.
    exact = [
        *(Segment("M", 0.08, 0.18), Segment("AO", 0.18, 0.24)),
        *(Segment("R", 0.40, 0.50), Segment("L", 0.58, 0.68)),
    ]
    phones, _ = snap(np.zeros(16000, np.float32), rough, _Fixed(exact))
    assert [s.phone for s in phones] == ["M", "AO", "R", "L"]
    assert [round(s.start_s, 3) for s in phones] == [0.08, 0.18, 0.24, 0.58]
    assert [round(s.end_s, 3) for s in phones] == [0.18, 0.24, 0.38, 0.68]


def test_english_text_becomes_words_of_the_dictionary() -> None:
    assert spoken_words("It's 5 o'clock; press 21, or 300!") == [
        *("it's", "five", "o'clock", "press", "twenty", "one", "or", "three", "hundred"),
    ]
    assert spoken_words("[beep]...") == ["beep"]
    assert spoken_words("...") == []


def _small_speechocean(shared: Path, folder: Path, clips: int) -> Path:
    """The first clips of the material, in its own layout."""
    source, target = shared / "data" / "speechocean762", folder / "speechocean762"
    (target / "audio").mkdir(parents=True)
    shutil.copy(source / "lexicon.txt", target)
    for part in ("train", "test"):
        (target / part).mkdir()
        for table in ("text", "utt2spk", "spk2gender", "spk2age"):
            lines = (source / part / table).read_text().splitlines(keepends=True)
            keep = lines[: clips if part == "train" else 0] if table in ("text", "utt2spk") else lines
            (target / part / table).write_text("".join(keep))
    for line in (target / "train" / "text").read_text().splitlines():
        shutil.copy(source / "audio" / f"{line.split()[0]}.opus", target / "audio")
    return target


@pytest.mark.shared
@needs_flite
@needs_sphinx
@needs_recogniser
def test_speechocean_aligns_and_reports_a_transcript_without_sound(shared: Path, tmp_path: Path) -> None:
    material = _small_speechocean(shared, tmp_path / "material", 4)
    ids = sorted(path.stem for path in (material / "audio").glob("*.opus"))
    (material / "audio" / f"{ids[1]}.opus").unlink()
    (material / "audio" / f"{ids[2]}.opus").write_bytes(b"OggS but not quite")
    build_source(Flite(), tmp_path, tmp_path / "out", limit=16)
    tally = build_source(Speechocean(), tmp_path / "material", tmp_path / "out")
    assert (tmp_path / "out" / "aligner.npz").is_file()
    assert set(tally.failed) == {ids[1], ids[2]}
    assert "cannot read" in tally.failed[ids[1]]
    assert "not a readable sound file" in tally.failed[ids[2]]
    clips = load_manifest(tmp_path / "out", ["speechocean762"])
    assert [clip.id for clip in clips] == [ids[0], ids[3]]
    first = clips[0]
    assert (first.sex, first.speaker, first.text) == ("m", "speechocean_0001", "we call it bear")
    assert first.phones is not None
    spoken = [segment.phone for segment in first.phones if segment.phone != "SIL"]
    assert spoken[:2] == ["W", "IY"]
    assert spoken.count("B") == 1
    untimed = build_source(SpeechoceanUntimed(), tmp_path / "material", tmp_path / "out")
    assert (untimed.made, sorted(untimed.failed)) == (0, ids[1:3])  # what is timed is not there twice
    report = check_corpus(tmp_path / "out", ["speechocean762"])
    assert sum(group.clips for group in report.groups.values()) == 2
    assert not [problem for problem in report.problems if "contiguous" in problem]


@pytest.mark.shared
def test_what_speechocean_could_not_time_is_there_without_phones(shared: Path, tmp_path: Path) -> None:
    _small_speechocean(shared, tmp_path / "material", 4)
    with pytest.raises(DataError, match="build speechocean762 first"):
        build_source(SpeechoceanUntimed(), tmp_path / "material", tmp_path / "out")
    timed, *rest, _untried = (job.id for job in Speechocean().jobs(tmp_path / "material"))
    line = {"id": timed, "source": "speechocean762", "speaker": "s", "sex": None, "age": None, "text": ""}
    line |= {"language": "en", "split": "train", "audio": "", "samples": 1, "phones": None, "labels": None}
    line |= {"style": "default", "align_score": None, "licence": "made by a test"}
    folder = tmp_path / "out" / "speechocean762"
    folder.mkdir(parents=True)
    lines = [line, {**line, "id": rest[0], "dropped": True}]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    (folder / "failed.jsonl").write_text(json.dumps({"id": rest[1], "reason": "does not follow"}) + "\n")
    build_source(SpeechoceanUntimed(), tmp_path / "material", tmp_path / "out")
    clips = load_manifest(tmp_path / "out", ["speechocean762_untimed"])
    assert [clip.id for clip in clips] == rest
    assert all(clip.phones is None and clip.split == "train" and clip.samples > 8000 for clip in clips)


@needs_recogniser
def test_the_recogniser_hears_a_batch_as_it_hears_each_clip_whatever_their_level() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        recogniser = RecogniserFeatures()
        assert torch.get_num_threads() == 2  # training has as many as it was given
    finally:
        torch.set_num_threads(threads)
    sounds = torch.randn(2, 12_800, generator=torch.Generator().manual_seed(1)) * torch.tensor(
        [[0.1], [0.002]]
    )
    blocks = recogniser.blocks(sounds)
    assert [tuple(block.shape) for block in blocks] == [(2, 41, 144)] * 4
    for sound, third, fourth in zip(sounds, *blocks[2:], strict=True):
        heard = torch.from_numpy(recogniser(sound.numpy()))
        torch.testing.assert_close(torch.cat([third, fourth], dim=-1), heard, rtol=1e-4, atol=1e-4)
