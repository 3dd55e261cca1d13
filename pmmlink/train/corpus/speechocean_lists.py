"""The tables of speechocean762: who says what, and how its words are pronounced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import split_of


@dataclass(frozen=True, slots=True)
class Utterance:
    """A line of the tables; ``words`` are lower case."""

    id: str
    words: tuple[str, ...]
    speaker: str
    sex: str | None
    age: int | None
    split: str
    audio: Path


def utterances(root: Path) -> Iterator[Utterance]:
    """All clips, split by speaker: a tenth is dev, and a third of upstream's test speakers is test.

    Upstream splits 125 to 125 for a task of its own; read speech of many mouths is what this corpus is
    shortest of, so the rest is for training.

    Raises:
        DataError: a table is missing.
    """
    for upstream in ("train", "test"):
        text, speaker, sex, age = (
            _table(root / upstream / name) for name in ("text", "utt2spk", "spk2gender", "spk2age")
        )
        for clip_id, words in text.items():
            who = speaker.get(clip_id, "")
            yield Utterance(
                id=clip_id,
                words=tuple(words.lower().split()),
                speaker=f"speechocean_{who}",
                sex=sex.get(who),
                age=int(age[who]) if age.get(who, "").isdigit() else None,
                split=split_of(f"speechocean:{who}", dev=0.1, test=0.33 if upstream == "test" else 0.0),
                audio=root / "audio" / f"{clip_id}.opus",
            )


def lexicon(root: Path) -> tuple[tuple[str, str], ...]:
    """Word → phones without stress; a word may come several times.

    Raises:
        DataError: the lexicon is missing.
    """
    entries = (line.split(maxsplit=1) for line in _lines(root / "lexicon.txt") if len(line.split()) > 1)
    return tuple(
        (word.lower(), " ".join(phone.rstrip("012") for phone in phones.split())) for word, phones in entries
    )


def _table(path: Path) -> dict[str, str]:
    """A Kaldi table: key, white space, value."""
    pairs = (line.split(maxsplit=1) for line in _lines(path) if line.strip())
    return {pair[0]: pair[1].strip() if len(pair) > 1 else "" for pair in pairs}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(
            f"{path}: missing; give the folder that holds speechocean762 as --material"
        ) from error
