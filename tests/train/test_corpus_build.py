"""The builder: resumes, caches by content, survives bad clips, killed runs and full disks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError, RuntimeFault
from pmmlink.train.corpus.base import Job, Made, Segment, Source, read_audio, tile
from pmmlink.train.corpus.builder import build_source
from pmmlink.train.corpus.reader import load_manifest, read_lines


class Folder(Source):
    """Every sound file of a folder, with its name as the text; a real source without an engine."""

    name = "folder"
    licence = "CC0"
    drop_fraction = 0.2

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.calls: list[str] = []

    def jobs(self, material: Path) -> Iterable[Job]:
        paths = sorted(material.glob("*.wav"))
        if not paths:
            raise DataError(f"{material}: no sound files")
        for path in paths:
            yield Job(path.stem, "someone", "en", "train", self.text or path.stem, inputs=(path,))

    def make(self, job: Job) -> Made:
        self.calls.append(job.id)
        samples = read_audio(job.inputs[0])
        middle_s = samples.size / 32000
        phones = tile([Segment("AA", 0.1, middle_s, 1), Segment("M", middle_s, middle_s + 0.1)], 2 * middle_s)
        labels = np.full((int(60 * middle_s), len(MODEL_32)), np.nan, np.float32)
        return Made(samples, phones, labels, align_score=-float(len(self.calls)))


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for i in range(5):
        soundfile.write(folder / f"c{i}.wav", 0.1 * rng.standard_normal(16000 + 1600 * i), 16000)
    return folder


def test_a_built_clip_reads_back_as_it_was_made(sounds: Path, tmp_path: Path) -> None:
    tally = build_source(Folder(), sounds, tmp_path / "out")
    assert (tally.made, tally.cached, tally.failed) == (5, 0, {})
    clips = load_manifest(tmp_path / "out", include_dropped=True)
    clip = clips[1]
    original, _ = soundfile.read(sounds / "c1.wav")
    assert np.abs(clip.load_audio() - original).max() < 1e-4
    assert clip.phones is not None
    assert [(s.phone, s.stress) for s in clip.phones] == [
        ("SIL", None),
        ("AA", 1),
        ("M", None),
        ("SIL", None),
    ]
    assert clip.phones[0].start_s == 0.0
    assert clip.phones[-1].end_s == pytest.approx(clip.duration_s)
    labels = clip.load_labels()
    assert labels is not None
    assert labels.shape == (33, 32)
    assert (clip.split, clip.licence, clip.style) == ("train", "CC0", "default")


def test_a_second_build_makes_nothing_and_changes_nothing(sounds: Path, tmp_path: Path) -> None:
    build_source(Folder(), sounds, tmp_path / "out")
    manifest = tmp_path / "out" / "folder" / "manifest.jsonl"
    before = manifest.read_bytes()
    again = Folder()
    tally = build_source(again, sounds, tmp_path / "out")
    assert (tally.made, tally.cached, again.calls) == (0, 5, [])
    assert manifest.read_bytes() == before


def test_only_a_clip_whose_sound_or_text_changed_is_made_again(sounds: Path, tmp_path: Path) -> None:
    build_source(Folder(), sounds, tmp_path / "out")
    soundfile.write(sounds / "c2.wav", 0.1 * np.ones(16000), 16000)
    changed = Folder()
    assert build_source(changed, sounds, tmp_path / "out").made == 1
    assert changed.calls == ["c2"]
    assert build_source(Folder("other words"), sounds, tmp_path / "out").made == 5
    ids = [record["id"] for record in read_lines(tmp_path / "out" / "folder" / "manifest.jsonl")]
    assert sorted(ids) == ["c0", "c1", "c2", "c3", "c4"]


def test_a_deleted_sound_is_made_again(sounds: Path, tmp_path: Path) -> None:
    build_source(Folder(), sounds, tmp_path / "out")
    (tmp_path / "out" / "folder" / "audio" / "c3.flac").unlink()
    again = Folder()
    build_source(again, sounds, tmp_path / "out")
    assert again.calls == ["c3"]


def test_a_corrupt_clip_is_named_and_does_not_stop_the_rest(sounds: Path, tmp_path: Path) -> None:
    (sounds / "c1.wav").write_bytes(b"RIFF no sound at all")
    seen: dict[str, str] = {}
    tally = build_source(Folder(), sounds, tmp_path / "out", report=seen.__setitem__)
    assert tally.made == 4
    assert list(tally.failed) == ["c1"]
    assert "not a readable sound file" in seen["c1"]
    assert "\n" not in seen["c1"]
    # It is not tried again in vain, still reported, and made once it is mended.
    second = Folder()
    assert list(build_source(second, sounds, tmp_path / "out").failed) == ["c1"]
    assert second.calls == []
    soundfile.write(sounds / "c1.wav", 0.1 * np.ones(8000), 16000)
    assert build_source(Folder(), sounds, tmp_path / "out").made == 1
    assert len(load_manifest(tmp_path / "out", include_dropped=True)) == 5


def test_a_clip_that_a_newer_builder_refuses_is_not_kept_from_the_older(sounds: Path, tmp_path: Path) -> None:
    build_source(Folder(), sounds, tmp_path / "out")
    manifest = tmp_path / "out" / "folder" / "manifest.jsonl"
    old = manifest.read_bytes()
    soundfile.write(sounds / "c2.wav", np.zeros(16000), 16000)
    build_source(Folder(), sounds, tmp_path / "out")
    manifest.write_bytes(old)  # as if the second run had been killed before its end
    build_source(Folder(), sounds, tmp_path / "out")
    assert "c2" not in {clip.id for clip in load_manifest(tmp_path / "out", include_dropped=True)}


def test_silence_and_numbers_that_are_none_are_refused(sounds: Path, tmp_path: Path) -> None:
    soundfile.write(sounds / "c0.wav", np.zeros(16000), 16000)
    soundfile.write(sounds / "c1.wav", np.full(16000, np.nan, np.float32), 16000, subtype="FLOAT")
    tally = build_source(Folder(), sounds, tmp_path / "out")
    assert "silent" in tally.failed["c0"]
    assert "not numbers" in tally.failed["c1"]


def test_the_worst_aligned_share_is_marked_and_left_out_by_default(sounds: Path, tmp_path: Path) -> None:
    assert build_source(Folder(), sounds, tmp_path / "out").dropped == 1
    assert [clip.id for clip in load_manifest(tmp_path / "out")] == ["c0", "c1", "c2", "c3"]
    assert [clip.id for clip in load_manifest(tmp_path / "out", include_dropped=True) if clip.dropped] == [
        "c4"
    ]


def test_a_manifest_cut_in_the_middle_of_a_line_is_trimmed(sounds: Path, tmp_path: Path) -> None:
    build_source(Folder(), sounds, tmp_path / "out")
    manifest = tmp_path / "out" / "folder" / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-40])
    assert len(load_manifest(tmp_path / "out", include_dropped=True)) == 4
    again = Folder()
    build_source(again, sounds, tmp_path / "out")
    assert again.calls == ["c4"]
    lines = manifest.read_text().splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == len(lines) == 5


_SLOW_BUILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_corpus_build import Folder
from pmmlink.train.corpus.builder import build_source
def report(clip_id, outcome):
    print(clip_id, flush=True)
    time.sleep(0.3)
build_source(Folder(), Path(sys.argv[1]), Path(sys.argv[2]), report=report)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_build_goes_on_without_doubled_lines(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", _SLOW_BUILD, str(sounds), str(out), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    made_before = len(read_lines(out / "folder" / "manifest.jsonl"))
    assert 2 <= made_before < 5
    rest = Folder()
    build_source(rest, sounds, out)
    assert len(rest.calls) == 5 - made_before
    lines = (out / "folder" / "manifest.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["id"] for line in lines) == ["c0", "c1", "c2", "c3", "c4"]
    assert not list(out.rglob("*.part*"))


class Busy(Folder):
    """Workers that never end their first clip, and say who they are."""

    def make(self, job: Job) -> Made:
        (job.inputs[0].parent / f"{os.getpid()}.worker").touch()
        time.sleep(600)
        return super().make(job)


_BUSY_BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_corpus_build import Busy
from pmmlink.train.corpus.builder import build_source
if __name__ == "__main__":
    build_source(Busy(), Path(sys.argv[1]), Path(sys.argv[2]), jobs=2)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_the_workers_of_a_killed_build_end_too(sounds: Path, tmp_path: Path) -> None:
    script = tmp_path / "busy.py"
    script.write_text(_BUSY_BUILD)
    command = [sys.executable, str(script), str(sounds), str(tmp_path / "out"), str(Path(__file__).parent)]

    def wait_for(count: int, alive: Callable[[], list[str]]) -> None:
        end = time.monotonic() + 60
        while len(alive()) != count and time.monotonic() < end:
            time.sleep(0.1)
        assert len(alive()) == count

    def working() -> list[str]:
        return [path.stem for path in sounds.glob("*.worker") if _runs(path.stem)]

    with subprocess.Popen(command) as process:
        wait_for(2, working)
        process.kill()
    wait_for(0, working)


def _runs(pid: str) -> bool:
    try:
        state = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"  # one that nobody has waited for is dead all the same


_LIMITED_BUILD = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_corpus_build import Folder
from pmmlink.errors import RuntimeFault
from pmmlink.train.corpus.builder import build_source
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    build_source(Folder(), Path(sys.argv[1]), Path(sys.argv[2]))
except RuntimeFault as error:
    print(error)
"""


def test_a_full_disk_ends_the_build_with_one_line_and_can_be_resumed(sounds: Path, tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="limits the size of files as a full disk would")
    out = tmp_path / "out"
    command = [sys.executable, "-c", _LIMITED_BUILD, str(sounds), str(out), str(Path(__file__).parent)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    assert "disk is full" in said
    assert "\n" not in said
    assert not list(out.rglob("*.part*"))
    assert build_source(Folder(), sounds, out).made == 5


def test_a_folder_that_cannot_be_written_is_a_fault_of_one_line(sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the corpus should be")
    with pytest.raises(RuntimeFault, match="cannot write the corpus"):
        build_source(Folder(), sounds, tmp_path / "out")


def test_several_processes_make_the_same_corpus(sounds: Path, tmp_path: Path) -> None:
    build_source(Folder(), sounds, tmp_path / "one")
    started = time.monotonic()
    tally = build_source(Folder(), sounds, tmp_path / "two", jobs=2)
    assert tally.made == 5, f"after {time.monotonic() - started:.1f} s"
    for name in ("c0", "c4"):
        one, two = (tmp_path / run / "folder" / "audio" / f"{name}.flac" for run in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_reading_says_what_is_missing(sounds: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no corpus here"):
        load_manifest(tmp_path / "nowhere")
    build_source(Folder(), sounds, tmp_path / "out")
    with pytest.raises(DataError, match="no source 'grid'; there are folder"):
        load_manifest(tmp_path / "out", ["grid"])
    clip = load_manifest(tmp_path / "out")[0]
    clip.audio.write_bytes(b"")
    with pytest.raises(DataError, match="unreadable"):
        clip.load_audio()
    manifest = tmp_path / "out" / "folder" / "manifest.jsonl"
    manifest.write_text("not json\n" + manifest.read_text())
    with pytest.raises(DataError, match=r"manifest\.jsonl:1"):
        load_manifest(tmp_path / "out")
