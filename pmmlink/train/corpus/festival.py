"""Festival's diphone and unit-selection voices: human speech, cut and joined, with exact phone times."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.phones import SILENCE, is_vowel
from pmmlink.train.corpus.base import Job, Made, Segment, Source, read_audio, tile
from pmmlink.train.corpus.prompts import english_prompts
from pmmlink.train.corpus.prompts_foreign import foreign_prompts
from pmmlink.types import SAMPLE_RATE_HZ

_ITALIAN = {
    "i": "IY", "e": "EH", "E": "EH", "a": "AA", "o": "AO", "O": "AO", "u": "UW", "j": "Y", "w": "W", "p": "P",
    "t": "T", "k": "K", "b": "B", "d": "D", "g": "G", "f": "F", "s": "S", "S": "SH", "v": "V", "z": "Z",
    "Z": "ZH", "ts": "T S", "tS": "CH", "dz": "D Z", "dZ": "JH", "m": "M", "n": "N", "J": "N Y", "ng": "NG",
    "nf": "F", "l": "L", "L": "L Y", "r": "RX", "#": "SIL",
}  # fmt: skip

_RUSSIAN = {
    "pau": "SIL", "ii": "IY", "yy": "IX", "uu": "UW", "ee": "EH", "oo": "AO", "aa": "AA", "a": "AH",
    "e": "EH", "i": "IY", "y": "IX", "u": "UW", "ae": "AH", "ay": "AH", "ur": "UH", "c": "T S", "ch": "CH",
    "sh": "SH", "sch": "SH", "zh": "ZH", "h": "KX", "hh": "KX", "j": "Y", "r": "RX", "rr": "RX",
    **{name * times: name.upper() for name in "pbtdkgfvszmnl" for times in (1, 2)},
}  # fmt: skip
"""Stressed vowels and soft consonants are written double."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of Festival: its command, charset and phone names (None: ARPAbet in lower case)."""

    command: str
    package: str
    sex: str
    language: str
    split: str
    prompts: int
    charset: str
    phones: dict[str, str] | None


VOICES = {
    "ked": Voice("voice_ked_diphone", "festvox-kdlpc16k", "m", "en", "train", 140, "ascii", None),
    "lp": Voice("voice_lp_diphone", "festvox-italp16k", "f", "it", "train", 70, "latin-1", _ITALIAN),
    "pc": Voice("voice_pc_diphone", "festvox-itapc16k", "m", "it", "train", 70, "latin-1", _ITALIAN),
    "nsh": Voice("voice_msu_ru_nsh_clunits", "festvox-ru", "m", "ru", "train", 90, "utf-8", _RUSSIAN),
}

TIMEOUT_S = 60.0

_SCRIPT = """({command})
(Parameter.set 'Duration_Stretch {stretch})
(set! u (eval (list 'Utterance 'Text "{text}")))
(utt.synth u)
(utt.save.segs u "{folder}/clip.lab")
(utt.save.wave u "{folder}/clip.wav" 'riff)
"""


class Festival(Source):
    """An American, two Italians and a Russian."""

    name = "festival"
    licence = (
        "Festival BSD-like; voices: ked BSD-like (CSTR, CMU), italian lp and pc GPL-2 (ISTC-CNR),"
        " nsh LGPL/BSD-like (MSU): tools, only their output is used; text our own"
    )
    version = 1

    def jobs(self, material: Path) -> Iterable[Job]:  # noqa: ARG002 - needs no material
        if shutil.which("festival") is None:
            raise DataError(
                "the program 'festival' was not found: install it (Debian: apt install festival) or choose"
                " other sources with --only"
            )
        for number, (name, voice) in enumerate(VOICES.items()):
            texts = (
                english_prompts(seed=60, count=voice.prompts)
                if voice.language == "en"
                else foreign_prompts(voice.language, seed=60 + number, count=voice.prompts)
            )
            for i, text in enumerate(texts):
                yield Job(
                    id=f"{name}_{i:03d}",
                    speaker=f"festival_{name}",
                    sex=voice.sex,
                    language=voice.language,
                    split=voice.split,
                    text=text,
                    params={"voice": name, "stretch": (1.0, 0.85, 1.2)[i % 3]},
                )

    def make(self, job: Job) -> Made:
        voice = VOICES[job.params["voice"]]
        spoken = job.text.replace("\\", " ").replace('"', " ")
        with tempfile.TemporaryDirectory(prefix="pmmlink-") as temporary:
            folder = Path(temporary)
            script = _SCRIPT.format(
                command=voice.command,
                stretch=job.params["stretch"],
                text=spoken,
                folder=folder.as_posix(),
            )
            (folder / "clip.scm").write_bytes(script.encode(voice.charset, "ignore"))
            try:
                run = subprocess.run(
                    ["festival", "-b", str(folder / "clip.scm")],
                    capture_output=True,
                    timeout=TIMEOUT_S,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise DataError(f"{job.id}: festival did not answer ({type(error).__name__})") from error
            if not (folder / "clip.wav").is_file() or not (folder / "clip.lab").is_file():
                said = " ".join(run.stderr.decode("utf-8", "replace").split())[:200]
                raise DataError(f"{job.id}: festival made no sound ({said}); is {voice.package} installed?")
            samples = read_audio(folder / "clip.wav")
            lines = (folder / "clip.lab").read_text(encoding="latin-1").splitlines()
        return Made(samples, tile(_segments(lines, voice, job.id), samples.size / SAMPLE_RATE_HZ))


def _segments(lines: list[str], voice: Voice, where: str) -> list[Segment]:
    """Lines of ``end, 100, name`` after a head that ends in ``#``."""
    segments: list[Segment] = []
    at_s = 0.0
    for line in lines[lines.index("#") + 1 :] if "#" in lines else lines:
        end, _, name = line.split()
        end_s = float(end)
        stress = 1 if voice.phones is not None and name.endswith("1") else None
        phones = _phones(name, voice, where)
        for i, phone in enumerate(phones):
            a = at_s + i * (end_s - at_s) / len(phones)
            b = at_s + (i + 1) * (end_s - at_s) / len(phones)
            segments.append(Segment(phone, a, b, stress if is_vowel(phone) else None))
        at_s = end_s
    return segments


def _phones(name: str, voice: Voice, where: str) -> list[str]:
    if voice.phones is None:
        own = {"pau": SILENCE, "ax": "AH", "dx": "D", "nx": "N", "h#": SILENCE, "brth": SILENCE}
        return [own.get(name, name.upper())]
    found = voice.phones.get(name) or voice.phones.get(name.rstrip("1"))
    if found is None:
        raise DataError(f"{where}: the voice {voice.command} speaks a phone {name!r} that is not known")
    return found.split()
