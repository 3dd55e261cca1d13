"""pmmlink turns speech into a living MetaHuman face, in real time.

Importing this package loads neither torch nor transformers; the model is loaded when it is first used.
"""

from __future__ import annotations

__version__ = "0.1.0"
