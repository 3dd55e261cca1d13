"""Telephone prompts: what of Debian's packages becomes a clip, and what is said where they are missing."""

from __future__ import annotations

import gzip
from pathlib import Path

import av
import numpy as np
import pytest

from pmmlink.errors import DataError
from pmmlink.train.compact import HELD_OUT_SOURCES
from pmmlink.train.corpus.asterisk import AsteriskForeign, read_g722, read_transcript
from pmmlink.train.corpus.sources import all_sources

TRANSCRIPT = """; Core Asterisk Sounds in Italian

activated: Attivato.
agent-loginok: operatore connesso (piano)
dir-first: premere 1
missing-sound: questo non si sente
"""


def write_g722(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="g722") as container:
        stream = container.add_stream("g722", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


@pytest.fixture
def source(tmp_path: Path) -> AsteriskForeign:
    """One like Debian's, with a transcript that begins with a byte order mark, as the Italian one does."""
    document = tmp_path / "doc/asterisk-core-sounds-it/core-sounds-it.txt.gz"
    document.parent.mkdir(parents=True)
    document.write_bytes(gzip.compress(b"\xef\xbb\xbf" + TRANSCRIPT.encode()))
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(16_000) / 16_000)
    for name in ("activated", "agent-loginok", "dir-first"):
        write_g722(tmp_path / f"sounds/it_IT_m_Carlo/{name}.g722", tone)
    return AsteriskForeign("it", "it_IT_m_Carlo", "m", tmp_path / "sounds", tmp_path / "doc")


def test_prompts_of_several_words_without_digits_that_can_be_heard_become_clips(
    source: AsteriskForeign,
) -> None:
    (job,) = source.jobs(Path("unused"))
    assert (job.id, job.text, job.speaker, job.sex) == (
        "agent-loginok",
        "operatore connesso",
        "asterisk_carlo",
        "m",
    )


def test_what_is_share_alike_is_never_trained_on(source: AsteriskForeign) -> None:
    assert {job.split for job in source.jobs(Path("unused"))} == {"dev"}
    shared_alike = {name for name, found in all_sources().items() if "BY-SA" in found.licence}
    assert shared_alike == {"asterisk_en", "asterisk_fr", "asterisk_it"}
    assert shared_alike <= set(HELD_OUT_SOURCES)


def test_a_prompt_is_heard_as_it_was_written(source: AsteriskForeign) -> None:
    (job,) = source.jobs(Path("unused"))
    heard = read_g722(job.inputs[0])
    assert heard.size == pytest.approx(16_000, abs=64)
    spectrum = np.abs(np.fft.rfft(heard[1_000:9_000] * np.hanning(8_000)))
    assert spectrum.argmax() * 2 == pytest.approx(300, abs=4)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    path = tmp_path / "asterisk-core-sounds-fr/core-sounds-fr.txt.gz"
    with pytest.raises(DataError, match="install Debian's asterisk-core-sounds-fr and asterisk-core-sounds"):
        read_transcript(path)
