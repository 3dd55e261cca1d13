"""Target URL → sink."""

from __future__ import annotations

from pathlib import Path

from pmmlink.curves import ARKIT_52, LIVELINK_61, MODEL_32, CurveSet
from pmmlink.errors import TargetError
from pmmlink.sinks.base import Sink
from pmmlink.sinks.csv import CsvSink
from pmmlink.sinks.livelink import LiveLinkSink
from pmmlink.sinks.osc import OscSink
from pmmlink.sinks.vmc import VmcSink
from pmmlink.wire.target import FORMS, Target, parse_target

_CURVE_SETS = {"32": MODEL_32, "52": ARKIT_52, "61": LIVELINK_61}


def make_sink(url: str) -> Sink:
    """The sink that a target names; it is not open yet.

    Args:
        url: ``osc://HOST:PORT`` (``?curves=32``, ``52`` or ``61``), ``livelink://HOST:PORT``,
            ``vmc://HOST:PORT``, ``preview:`` (the face in a browser), or the path of a ``.csv`` file,
            a Windows path with a drive letter included.

    Raises:
        TargetError: none of these, or a part of it is wrong.
    """
    if url.startswith("preview:"):
        # The page and its head are loaded by those who look at it.
        from pmmlink.preview.sink import PreviewSink

        return PreviewSink(url)
    if "://" not in url:
        if not url.lower().endswith(".csv"):
            raise TargetError(f"target {url!r}: not one of {FORMS}")
        return CsvSink(Path(url))
    target = parse_target(url)
    allowed = {"curves"} if target.scheme == "osc" else set()
    unknown = sorted(set(target.options) - allowed)
    if unknown:
        known = "; it takes ?curves=32, 52 or 61" if allowed else ", which takes none"
        raise TargetError(f"target {url!r}: unknown option {unknown[0]!r} for {target.scheme}://{known}")
    if target.scheme == "osc":
        return OscSink(target, _curves(url, target))
    return LiveLinkSink(target) if target.scheme == "livelink" else VmcSink(target)


def _curves(url: str, target: Target) -> CurveSet | None:
    wanted = target.options.get("curves")
    if wanted is not None and wanted not in _CURVE_SETS:
        raise TargetError(f"target {url!r}: curves={wanted}; use 32, 52 or 61")
    return None if wanted is None else _CURVE_SETS[wanted]
