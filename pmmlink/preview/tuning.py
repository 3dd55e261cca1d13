"""A take under somebody's sliders: messages of the page in, the profile's state and the take's face out.

What the page may send is told in :mod:`pmmlink.preview.tuning_message`.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from pmmlink.curves import ARKIT_52, MODEL_32, CurveSet, group_of
from pmmlink.errors import ProfileError
from pmmlink.preview.tuning_message import PROFILE_NUMBERS, PROFILE_SWITCHES, parse
from pmmlink.retarget import CurveSetting, Profile, ProfileEditor, ProfileWatcher, Smoothing, retarget_take
from pmmlink.retarget.profile import GROUPS, LIMITS, PAIRS, TIED_CLOSE_GAIN
from pmmlink.types import FloatArray

_PLAIN = dataclasses.asdict(CurveSetting())


class Tuning:
    """A profile in the making, and the take that shows it. Every method may be called from any thread.

    Args:
        profile: where to begin; it counts as the file's state.
        values: ``[N, len(source)]`` the take before any profile.
        fps: its frame rate.
        source: curves of ``values``.
        target: the file that saving writes; None: a name must be given.
    """

    def __init__(
        self,
        profile: Profile,
        values: FloatArray,
        fps: Fraction,
        source: CurveSet = MODEL_32,
        target: Path | None = None,
    ) -> None:
        self.fps = fps
        self.target = target
        self._raw, self._source = values, source
        self._editor = ProfileEditor(profile)
        self._watcher = ProfileWatcher(dataclasses.replace(profile, path=target))
        self._lock = threading.Lock()
        self._revision = 0
        self._comparing = False
        self._note = ""
        self._shown: tuple[Profile, FloatArray] | None = None
        self.on_change: Callable[[dict[str, object]], None] = lambda _: None

    def values(self) -> FloatArray:
        """``[N, 61]``: the take through the profile, or through the file's while comparing."""
        with self._lock:
            profile = self._editor.saved if self._comparing else self._editor.current
            if self._shown is None or self._shown[0] != profile:
                # The head has ARKit's curves whatever the rig of the profile is.
                face = dataclasses.replace(profile, rig=None)
                self._shown = profile, retarget_take(face, self._raw, self.fps, self._source)
            return self._shown[1]

    def facts(self) -> dict[str, object]:
        """What does not change: which sliders there are and how far they go."""
        predicted = {group_of(name) for name in self._source.names}
        groups = sorted(
            GROUPS, key=lambda group: (group not in predicted, group in ("eye", "brow", "tongue"))
        )
        return {
            "limits": LIMITS,
            "tiedCloseGain": TIED_CLOSE_GAIN,
            "groups": {
                group: [name for name in ARKIT_52.names if group_of(name) == group] for group in groups
            },
            "pairs": PAIRS,
            "predicted": self._source.names,
            "plain": _PLAIN,
        }

    def state(self) -> dict[str, object]:
        """Everything the sliders show."""
        with self._lock:
            return self._state()

    def apply(self, message: bytes) -> dict[str, object]:
        """Takes a message; the new state.

        Raises:
            ProfileError: what is wrong with it, or with the profile it would make.
        """
        request = parse(message)
        with self._lock:
            before = self._editor.current
            self._note = ""
            self._do(request)
            if self._editor.current != before:
                self._comparing = False
            if request["do"] == "compare":
                self._comparing = request["on"]
            return self._changed()

    def poll(self) -> None:
        """Called now and then: takes over what a text editor has written to the file."""
        with self._lock:
            new = self._watcher.poll()
            if new is None or new == self._editor.saved:
                return
            kept = "; your changes are kept, A shows the file" if self._editor.changed else ""
            self._editor.file_changed(new)
            self._note = f"{self.target} was changed elsewhere{kept}"
            self._changed()

    def _changed(self) -> dict[str, object]:
        self._revision += 1
        state = self._state()
        self.on_change(state)
        return state

    def _state(self) -> dict[str, object]:
        profile, saved = self._editor.current, self._editor.saved
        return {
            "revision": self._revision,
            "name": profile.name,
            "file": None if self.target is None else str(self.target),
            "changed": self._editor.changed,
            "comparing": self._comparing,
            "canUndo": self._editor.can_undo,
            "canRedo": self._editor.can_redo,
            "note": self._note,
            "profile": {key: getattr(profile, key) for key in (*PROFILE_NUMBERS, *PROFILE_SWITCHES)},
            "curves": {name: dataclasses.asdict(setting) for name, setting in profile.curves.items()},
            "neutral": profile.neutral,
            "smoothing": {group: dataclasses.asdict(one) for group, one in profile.smoothing.items()},
            "differs": [
                name
                for name in ARKIT_52.names
                if profile.setting(name) != saved.setting(name)
                or profile.neutral.get(name) != saved.neutral.get(name)
            ],
        }

    def _do(self, request: dict[str, Any]) -> None:
        editor = self._editor
        match request["do"]:
            case "undo":
                editor.undo()
            case "redo":
                editor.redo()
            case "revert":
                editor.revert()
            case "save":
                self._save(request.get("as"))
            case "reset":
                neutral = {k: v for k, v in editor.current.neutral.items() if k not in request["curves"]}
                editor.end_step()
                editor.change(curves=dict.fromkeys(request["curves"], _PLAIN), neutral=neutral)
                editor.end_step()
            case "set":
                self._set(request)

    def _set(self, request: dict[str, Any]) -> None:
        editor = self._editor
        if "curve" in request:
            editor.change(curves={request["curve"]: request["settings"]})
        elif "neutral" in request:
            neutral = dict(editor.current.neutral)
            for name in PAIRS.get(request["neutral"], (request["neutral"],)):
                neutral.pop(name, None)
                if request["value"]:
                    neutral[name] = request["value"]
            editor.change(neutral=neutral)
        elif "smoothing" in request:
            smoothing = dict(editor.current.smoothing)
            smoothing.pop(request["smoothing"], None)
            if request["min_cutoff_hz"]:
                smoothing[request["smoothing"]] = Smoothing(request["min_cutoff_hz"], request["beta"])
            editor.change(smoothing=smoothing)
        else:
            editor.change(**request["profile"])
        if request.get("done", True):
            editor.end_step()

    def _save(self, name: str | None) -> None:
        target = self.target
        if name is not None:
            folder = target.parent if target is not None else Path()
            wanted = folder / f"{name}.yaml"
            if wanted != target and wanted.exists():
                raise ProfileError(f"{wanted} is there already; choose another name")
            target = wanted
        if target is None:
            raise ProfileError("this profile came with pmmlink; save it under a name of your own")
        if name is not None or self.target is None:
            self._editor.change(name=target.stem)
        self._editor.save(target)
        self.target = target
        self._watcher = ProfileWatcher(self._editor.saved)
        self._note = f"saved to {target}; use it with --profile {target}"
