"""A profile's file watched while a stream runs, so that a tuned face is seen at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pmmlink.errors import ProfileError
from pmmlink.retarget.profile import Profile
from pmmlink.retarget.profile_file import load_profile

CHECK_EVERY_S = 1.0


class ProfileWatcher:
    """Looks at most once a second whether the file has changed, and reads it if so.

    A bad edit, or a file that an editor has just taken away, keeps the profile in force and is reported once.

    Args:
        profile: the profile in force, read from :attr:`Profile.path`.
        on_event: told in one line of a profile read again, and of one that cannot be.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        profile: Profile,
        on_event: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.profile = profile
        self._path = profile.path
        self._on_event = on_event
        self._clock = clock
        self._due_s = clock() + CHECK_EVERY_S
        self._seen = _stamp(self._path)

    def poll(self) -> Profile | None:
        """The changed profile, once; None as long as nothing is new. Costs one ``stat`` a second."""
        now = self._clock()
        if self._path is None or now < self._due_s:
            return None
        self._due_s = now + CHECK_EVERY_S
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return None
        self._seen = stamp
        if stamp is None:
            return None  # editors that save by renaming leave a gap; the next look finds the file again
        try:
            new = load_profile(self._path, self.profile.boost)
        except ProfileError as error:
            self._on_event(f"{error}; the profile before stays in force")
            return None
        if new == self.profile:
            return None
        self._on_event(f"{self._path}: read again{self._not_yet(new)}")
        self.profile = new
        return new

    def _not_yet(self, new: Profile) -> str:
        if new.rig != self.profile.rig or new.delay_ms != self.profile.delay_ms:
            return "; its rig and delay take effect at the next start"
        return ""


def _stamp(path: Path | None) -> tuple[int, int] | None:
    try:
        status = path.stat() if path is not None else None
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size) if status is not None else None
