"""Sources that need the corpus's own aligner, learnt from the sources built before them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Source
from pmmlink.train.corpus.frame_aligner import FrameAligner, choose_clips, learn

ALIGNER = "aligner.npz"
"""In the corpus's folder. Once learnt it stays, so that a second build changes nothing; delete it to learn
anew."""


class AlignedSource(Source):
    """A source whose clips are timed by :class:`FrameAligner`.

    Attributes:
        aligner_name: hash of the aligner; part of every job, so that a new aligner makes the clips anew.
    """

    def __init__(self) -> None:
        self.aligner_name = ""
        self._path: Path | None = None
        self._aligner: FrameAligner | None = None

    def prepare(self, corpus: Path, say: Callable[[str], None]) -> None:
        path = corpus / ALIGNER
        if not path.is_file():
            learn(choose_clips(corpus), path, say)
        self._path = path
        self.aligner_name = hashlib.sha256(path.read_bytes()).hexdigest()[:12]

    def aligner(self) -> FrameAligner:
        """The aligner, loaded once per process.

        Raises:
            DataError: :meth:`prepare` was not called, or the aligner cannot be read.
        """
        if self._aligner is None:
            if self._path is None:
                raise DataError(
                    f"{self.name} needs the corpus's aligner: build it through 'pmmlink data build'"
                )
            self._aligner = FrameAligner(self._path)
        return self._aligner
