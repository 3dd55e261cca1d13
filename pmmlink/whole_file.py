"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name to write to; when the block ends well, the file there takes the place of ``path``.

    After an error nothing new is left and what was there before stays. The name is in the same folder, so
    that taking the place is one rename, and of this process alone, so that two may write the same file.

    Raises:
        OSError: the file cannot take its place (on Windows: it is open elsewhere).
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
