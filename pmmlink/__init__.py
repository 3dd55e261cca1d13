"""pmmlink turns speech into a living MetaHuman face, in real time.

Importing this package loads neither torch nor transformers; the model is loaded when it is first used.

    import pmmlink

    pmmlink.bake_file("speech.wav", "speech.csv")

    with pmmlink.Session(["osc://127.0.0.1:8000"], rate_hz=24_000) as session:
        session.push(pcm)   # mono: float32, int16, or bytes of 16-bit PCM
        session.flush()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pmmlink.model.animator import load_animator
    from pmmlink.runtime.bake import bake_file
    from pmmlink.runtime.speech import SpeechSession as Session

__version__ = "0.1.0"
__all__ = ["Session", "__version__", "bake_file", "load_animator"]

_HOME = {
    "Session": ("pmmlink.runtime.speech", "SpeechSession"),
    "bake_file": ("pmmlink.runtime.bake", "bake_file"),
    "load_animator": ("pmmlink.model.animator", "load_animator"),
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'pmmlink' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOME[name]
    return getattr(import_module(module), attribute)
