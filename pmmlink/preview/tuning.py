"""A take under somebody's sliders: messages of the page in, the profile's state and the take's face out.

A message is one JSON object; what is unknown, of another type or too large is refused with the reason, and
nothing has changed then:

    {"do": "set", "curve": "mouthSmile", "settings": {"gain": 1.2}, "done": true}
    {"do": "set", "neutral": "mouthPress", "value": 0.04}
    {"do": "set", "smoothing": "jaw", "min_cutoff_hz": 6, "beta": 4}      # 0 Hz: none
    {"do": "set", "profile": {"intensity": 1.1}}
    {"do": "reset", "curves": ["jawOpen"]}
    {"do": "compare", "on": true}                                         # show the file's state
    {"do": "undo"} {"do": "redo"} {"do": "revert"} {"do": "save"} {"do": "save", "as": "anna"}
"""

from __future__ import annotations

import dataclasses
import json
import re
import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from pmmlink.curves import ARKIT_52, MODEL_32, CurveSet, group_of
from pmmlink.errors import ProfileError
from pmmlink.retarget import CurveSetting, Profile, ProfileEditor, ProfileWatcher, Smoothing, retarget_take
from pmmlink.retarget.profile import GROUPS, LIMITS, PAIRS, TIED_CLOSE_GAIN
from pmmlink.types import FloatArray

MAX_MESSAGE_BYTES = 4096
"""The longest message taken: resetting every curve needs a quarter of it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
_NUMBERS = ("intensity", "delay_ms")
_SWITCHES = ("symmetric", "mirror", "tie_lips")
_CURVE_NUMBERS = ("gain", "offset", "exponent", "minimum", "maximum")
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
        request = _parse(message)
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
            "profile": {key: getattr(profile, key) for key in (*_NUMBERS, *_SWITCHES)},
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


def _refuse(what: str) -> ProfileError:
    return ProfileError(f"the page sent {what}; nothing was changed")


def _parse(message: bytes) -> dict[str, Any]:
    """The request in a message, every value of the right type."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise _refuse(f"more than {MAX_MESSAGE_BYTES} bytes")
    try:
        request = json.loads(message)
    except (ValueError, RecursionError):
        raise _refuse("no JSON") from None
    if not isinstance(request, dict):
        raise _refuse("no JSON object")
    what = request.get("do")
    form = _FORMS.get(what) if isinstance(what, str) else None
    if form is None:
        raise _refuse("no known request")
    for variant in form:
        if variant.keys() - {"done", "as"} <= request.keys() <= variant.keys():
            for key, is_good in variant.items():
                if key in request and not is_good(request[key]):
                    raise _refuse(f"a {key!r} that is none")
            return request
    raise _refuse(f"a {what!r} that is incomplete or says too much")


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    # Beyond a million is no setting, and an integer of 400 digits is no float; NaN fails the comparison.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e6 <= value <= 1e6


def _is_curve(value: object) -> bool:
    return isinstance(value, str) and (value in ARKIT_52 or value in PAIRS)


def _is_group(value: object) -> bool:
    return isinstance(value, str) and value in GROUPS


def _is_curves(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(x, str) and x in ARKIT_52 for x in value)
    )


def _is_name(value: object) -> bool:
    named = isinstance(value, str) and _NAME.fullmatch(value) is not None
    return named and _WINDOWS_DEVICES.fullmatch(str(value)) is None


def _holds(numbers: tuple[str, ...], switches: tuple[str, ...]) -> Callable[[object], bool]:
    """A test for objects with numbers and switches of these names, at least one of them."""

    def is_good(value: object) -> bool:
        return (
            isinstance(value, dict)
            and bool(value)
            and all(
                (key in numbers and _is_number(one)) or (key in switches and _is_switch(one))
                for key, one in value.items()
            )
        )

    return is_good


_Form = Mapping[str, Callable[[object], bool]]


def _form(**keys: Callable[[object], bool]) -> _Form:
    return {"do": lambda _: True, **keys}


_FORMS: dict[str, tuple[_Form, ...]] = {
    "set": (
        _form(curve=_is_curve, settings=_holds(_CURVE_NUMBERS, ("mute",)), done=_is_switch),
        _form(neutral=_is_curve, value=_is_number, done=_is_switch),
        _form(smoothing=_is_group, min_cutoff_hz=_is_number, beta=_is_number, done=_is_switch),
        _form(profile=_holds(_NUMBERS, _SWITCHES), done=_is_switch),
    ),
    "reset": (_form(curves=_is_curves),),
    "compare": (_form(on=_is_switch),),
    "undo": (_form(),),
    "redo": (_form(),),
    "revert": (_form(),),
    "save": (_form(**{"as": _is_name}),),
}
