"""libespeak-ng through ctypes: sound with the time of every phoneme."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import NamedTuple

import numpy as np

from pmmlink.errors import DataError
from pmmlink.phones import SILENCE
from pmmlink.train.corpus.flite import find_library
from pmmlink.train.corpus.ipa import to_phones
from pmmlink.types import FloatArray


class Mark(NamedTuple):
    """A phoneme event: its time, its IPA sign (empty in a pause), and the number of its word."""

    start_s: float
    sign: str
    word: int


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_RETRIEVAL, _PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 1, 1, 2, 0x8000
_LIST_TERMINATED, _WORD, _PHONEME = 0, 1, 7
_UTF8, _CHARACTERS = 1, 1
_RATE, _PITCH = 1, 3
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class EspeakEngine:
    """The few calls of libespeak-ng that are needed.

    The library is one per process: take it from :func:`espeak_engine`.
    """

    def __init__(self) -> None:
        self._lib = ctypes.CDLL(find_library("espeak-ng"))
        options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self._rate_hz = int(self._lib.espeak_Initialize(_RETRIEVAL, 0, None, options))
        if self._rate_hz <= 0:
            raise DataError(
                "espeak-ng cannot start: its voice data is missing (Debian: apt install espeak-ng-data)"
            )
        self._chunks: list[FloatArray] = []
        self._marks: list[Mark] = []
        self._word = 0
        # Kept alive here: the library holds only the bare pointer.
        self._callback = _CALLBACK(self._take)
        self._lib.espeak_SetSynthCallback(self._callback)

    def _take(self, wave: object, count: int, events: object) -> int:
        if wave and count:
            self._chunks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        i = 0
        while events[i].type != _LIST_TERMINATED:  # type: ignore[index]
            event = events[i]  # type: ignore[index]
            if event.type == _WORD:
                self._word += 1
            elif event.type == _PHONEME:
                sign = event.id.string.decode("utf-8", "ignore")
                self._marks.append(Mark(event.sample / self._rate_hz, sign, self._word))
            i += 1
        return 0

    def speak(self, text: str, voice: str, rate_wpm: int, pitch: int) -> tuple[np.ndarray, int, list[Mark]]:
        """Samples, their rate, and its phoneme events.

        Raises:
            DataError: the voice is missing, nothing came out, or the voice changed language in between.
        """
        self._chunks.clear()
        self._marks.clear()
        self._word = 0
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise DataError(f"espeak-ng has no voice {voice!r}: install espeak-ng-data 1.51 or later")
        self._lib.espeak_SetParameter(_RATE, rate_wpm, 0)
        self._lib.espeak_SetParameter(_PITCH, pitch, 0)
        data = text.encode()
        self._lib.espeak_Synth(data, len(data) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        self._lib.espeak_Synchronize()
        if not self._chunks or not self._marks:
            raise DataError(f"espeak-ng said nothing for {text!r} with the voice {voice!r}")
        if any(mark.sign.startswith("(") for mark in self._marks):
            raise DataError(f"espeak-ng reads part of {text!r} in another language than {voice!r}")
        return np.concatenate(self._chunks), self._rate_hz, list(self._marks)


@cache
def espeak_engine() -> EspeakEngine:
    """The engine of this process.

    Raises:
        DataError: the library or its data is not installed.
    """
    return EspeakEngine()


def espeak_words(text: str, voice: str, language: str) -> list[list[str]]:
    """Phones of a text by word, as eSpeak NG would say them.

    Raises:
        DataError: as :meth:`EspeakEngine.speak`.
    """
    *_, marks = espeak_engine().speak(text, voice, 200, 50)
    words: dict[int, list[str]] = {}
    for mark in marks:
        words.setdefault(mark.word, []).extend(to_phones(mark.sign, language))
    return [phones for phones in words.values() if phones and phones != [SILENCE]]
