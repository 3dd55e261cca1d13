"""What a page may send about a profile.

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

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pmmlink.curves import ARKIT_52
from pmmlink.errors import ProfileError
from pmmlink.retarget.profile import GROUPS, PAIRS

MAX_MESSAGE_BYTES = 4096
"""The longest message taken: resetting every curve needs a quarter of it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
PROFILE_NUMBERS = ("intensity", "delay_ms")
PROFILE_SWITCHES = ("symmetric", "mirror", "tie_lips")
_CURVE_NUMBERS = ("gain", "offset", "exponent", "minimum", "maximum")


def _refuse(what: str) -> ProfileError:
    return ProfileError(f"the page sent {what}; nothing was changed")


def parse(message: bytes) -> dict[str, Any]:
    """The request in a message, every value of the right type.

    Raises:
        ProfileError: the message is none of those above.
    """
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
        _form(profile=_holds(PROFILE_NUMBERS, PROFILE_SWITCHES), done=_is_switch),
    ),
    "reset": (_form(curves=_is_curves),),
    "compare": (_form(on=_is_switch),),
    "undo": (_form(),),
    "redo": (_form(),),
    "revert": (_form(),),
    "save": (_form(**{"as": _is_name}),),
}
