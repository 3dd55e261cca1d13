"""Where sound comes from."""

from pmmlink.sources.base import AudioSource, SoundBlock
from pmmlink.sources.file import FileSource

__all__ = ["AudioSource", "FileSource", "SoundBlock"]
