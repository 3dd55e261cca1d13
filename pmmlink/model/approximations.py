"""What streaming costs: where a streamed model departs from its pretrained parts, and the latency it pays.

Each line is a field of the config. The pretrained parts saw whole clips; a stream sees a bounded past and
waits for a bounded future.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmmlink.model.audio import SAMPLES_PER_TOKEN
from pmmlink.model.config import ContextConfig, PMMTalkConfig
from pmmlink.model.talking_head import MEL_HOP, MEL_STEPS, MEL_WINDOW
from pmmlink.stream.stage import WHOLE_CLIP

_WAVE_WINDOW = 400


@dataclass(frozen=True, slots=True)
class Approximation:
    """One setting of the stream.

    Attributes:
        field: its place in the config.
        setting: its value, with its unit.
        stands_for: what the pretrained part does.
        latency: samples at 16 kHz that it waits for; WHOLE_CLIP where it cannot stream.
    """

    field: str
    setting: str
    stands_for: str
    latency: int


def approximations(config: PMMTalkConfig) -> list[Approximation]:
    """Every setting that bounds what the pretrained parts see, branch by branch.

    In each branch the latencies add up to what the branch declares; branches run side by side.
    """
    found = []
    speech = [name for name in ("audio", "text") if name in config.modalities]
    if speech and config.audio_encoder.front == "wave":
        found += _front(config.audio_encoder.level)
        for name in speech:
            context: ContextConfig = getattr(config, f"{name}_decoder")
            if context.blocks == "transformer":
                found += _context(f"{name}_decoder", context)
    if "image" in config.modalities:
        head = config.talking_head
        found.append(
            Approximation(
                "talking_head.ahead",
                f"{head.ahead} of {MEL_STEPS} mel steps after the frame",
                f"{MEL_STEPS - 1} steps after it",
                head.ahead * MEL_HOP + MEL_WINDOW // 2 - 1,
            )
        )
    return found


def _front(level: str) -> list[Approximation]:
    whole = level == "utterance"
    return [
        Approximation(
            "audio_encoder.front", f"window of {_WAVE_WINDOW} samples", "the same", _WAVE_WINDOW - 1
        ),
        Approximation(
            "audio_encoder.level", level, "zero mean, unit variance of the clip", WHOLE_CLIP if whole else 0
        ),
    ]


def _context(where: str, config: ContextConfig) -> list[Approximation]:
    most = (config.kernel - 1) // 2
    right = most if config.conv_right is None else config.conv_right
    chunk, left = config.chunk, config.left_context
    tokens = "all tokens" if left is None else f"{left} tokens"
    return [
        Approximation(
            f"{where}.conv_right", _tokens(right), f"{most} tokens ahead", right * SAMPLES_PER_TOKEN
        ),
        Approximation(
            f"{where}.left_context", tokens, "all tokens before", WHOLE_CLIP if left is None else 0
        ),
        Approximation(
            f"{where}.chunk",
            "all tokens" if chunk is None else _tokens(chunk),
            "all tokens at once",
            WHOLE_CLIP if chunk is None else (chunk - 1) * SAMPLES_PER_TOKEN,
        ),
        Approximation(
            f"{where}.look_ahead",
            f"{config.look_ahead} chunk{'s' * (config.look_ahead != 1)}",
            "all tokens after",
            config.look_ahead * (chunk or 0) * SAMPLES_PER_TOKEN,
        ),
    ]


def _tokens(count: int) -> str:
    return f"{count} token{'s' * (count != 1)}"
