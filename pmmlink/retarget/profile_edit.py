"""Tuning a profile by hand: changes one at a time, undo, and a look at the file's state in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pmmlink.errors import ProfileError
from pmmlink.retarget.profile import Profile
from pmmlink.retarget.profile_file import load_profile, save_profile

_UNDO_STEPS = 200


class ProfileEditor:
    """A profile under somebody's sliders. One thread at a time.

    Changes of the same setting that follow each other, as a dragged slider makes them, are one step of undo.

    Args:
        profile: where to begin; it counts as saved.

    Attributes:
        current: the profile as edited.
        saved: the profile as it is in the file, for A/B.
    """

    def __init__(self, profile: Profile) -> None:
        self.current = self.saved = profile
        self._undo: deque[Profile] = deque(maxlen=_UNDO_STEPS)
        self._redo: list[Profile] = []
        self._dragged: object = None

    @property
    def changed(self) -> bool:
        """Whether there is something to save."""
        return self.current != self.saved

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undo to take back."""
        return bool(self._redo)

    def change(
        self, *, curves: Mapping[str, Mapping[str, float | bool]] | None = None, **fields: Any
    ) -> Profile:
        """Change settings as :meth:`Profile.with_changes` does; the new profile.

        Raises:
            ProfileError: the settings are not valid; nothing has changed.
        """
        new = self.current.with_changes(curves=curves, **fields)
        touched = {curve: sorted(settings) for curve, settings in (curves or {}).items()}, sorted(fields)
        if new != self.current:
            if touched != self._dragged or self._redo:
                self._undo.append(self.current)
            self._dragged = touched
            self._redo.clear()
            self.current = new
        return self.current

    def end_step(self) -> None:
        """The slider was let go: what follows is a step of its own, even with the same slider."""
        self._dragged = None

    def file_changed(self, profile: Profile) -> None:
        """Somebody else wrote the file. Without changes of one's own its state is taken over."""
        if not self.changed and profile != self.current:
            self._undo.append(self.current)
            self._redo.clear()
            self.current = profile
            self._dragged = None
        self.saved = profile

    def undo(self) -> Profile:
        """Take the last step back; does nothing when there is none."""
        if self._undo:
            self._redo.append(self.current)
            self.current = self._undo.pop()
            self._dragged = None
        return self.current

    def redo(self) -> Profile:
        """Take the last undo back; does nothing when there is none."""
        if self._redo:
            self._undo.append(self.current)
            self.current = self._redo.pop()
            self._dragged = None
        return self.current

    def revert(self) -> Profile:
        """Return to the file's state, as a step that can be undone."""
        if self.changed:
            self._undo.append(self.current)
            self._redo.clear()
            self.current = self.saved
            self._dragged = None
        return self.current

    def save(self, path: Path | None = None) -> Path:
        """Write the profile; the file written.

        Args:
            path: default the file it came from.

        Raises:
            ProfileError: no file to write to, or it cannot be written.
        """
        target = path or self.current.path
        if target is None:
            raise ProfileError(f"profile {self.current.name} comes from no file; name one to save it to")
        save_profile(self.current, target)
        self.current = self.saved = load_profile(target)
        self._dragged = None
        return target
