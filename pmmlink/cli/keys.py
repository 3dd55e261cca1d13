"""Single keys from the terminal, without Enter, on Windows and elsewhere."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any


class Keys(AbstractContextManager["Keys"]):
    """Reads keys while open; a program whose input is no terminal gets none."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None
        self._active = False
        self._waiting: deque[str] = deque()

    def __enter__(self) -> Keys:
        self._active = sys.stdin is not None and sys.stdin.isatty()
        if self._active and sys.platform != "win32":
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin.fileno())
            tty.setcbreak(sys.stdin.fileno())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None and sys.platform != "win32":
            import termios

            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)

    def pressed(self) -> str:
        """The next key that waits, in lower case; empty if none.

        Arrows and function keys are none: what they send in several letters ends in C, Q or R, or in M.
        """
        if not self._active:
            return ""
        if sys.platform == "win32":
            import msvcrt

            if not msvcrt.kbhit():
                return ""
            key = msvcrt.getwch()
            if key in ("\x00", "\xe0"):
                msvcrt.getwch()
                return ""
            return key.lower()
        if not self._waiting:
            import os
            import select

            ready, _, _ = select.select([sys.stdin], [], [], 0)
            typed = os.read(sys.stdin.fileno(), 64).decode("latin-1").lower() if ready else ""
            self._waiting.extend("" if typed.startswith("\x1b") else typed)
        return self._waiting.popleft() if self._waiting else ""
