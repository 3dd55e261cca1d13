"""The live loop on virtual time: pacing, silence, barge-in, overload, sleep."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from runtime.live_rig import RATE, Rig, voice

from pmmlink.curves import LIVELINK_61
from pmmlink.retarget.idle import IdleFace
from pmmlink.runtime.live import Live
from pmmlink.runtime.live_options import LiveOptions
from pmmlink.testing import LoudnessAnimator, VirtualTime
from pmmlink.types import FloatArray

LOOKAHEAD_S = 0.1
HOP_S = 0.01


def latencies(rig: Rig, origin_s: float) -> np.ndarray:
    """From the delivery of the sample at a frame's instant to the frame."""
    return np.array(
        [
            at - (origin_s + frame.index / 30)
            for frame, at in zip(rig.target.frames, rig.target.times, strict=True)
        ]
    )


def test_sound_in_real_time_is_shown_after_look_ahead_and_hop() -> None:
    rig = Rig()
    origin = rig.host.now()
    rig.speak(voice(3.0))
    assert rig.target.indices == list(range(len(rig.target.frames)))
    assert len(rig.target.frames) >= 86
    late = latencies(rig, origin)
    assert late.min() >= LOOKAHEAD_S - 1e-6
    assert late.max() <= LOOKAHEAD_S + HOP_S + 1e-6
    assert rig.live.stats.latency.percentile_s(99) <= LOOKAHEAD_S + HOP_S + 0.003


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100, 48_000])
def test_other_rates_cost_four_milliseconds_at_most(rate_hz: int) -> None:
    rig = Rig(rate_hz=rate_hz)
    origin = rig.host.now()
    rig.speak(voice(2.0, rate_hz))
    assert latencies(rig, origin).max() <= LOOKAHEAD_S + HOP_S + 0.0045
    assert rig.target.indices == list(range(len(rig.target.frames)))


def test_a_sentence_that_comes_at_once_is_shown_as_it_would_be_heard() -> None:
    rig = Rig()
    origin = rig.host.now()
    rig.source.push(voice(3.0))
    rig.source.flush()
    rig.run(3.5)
    late = latencies(rig, origin)[:87]  # the last tenth waits for the silence behind it
    # The first frames wait for nothing: their look-ahead is there already.
    assert late.min() >= 0
    assert late.max() <= 0.006
    assert rig.target.curve()[4:88].min() > 0.2


def test_two_sentences_back_to_back_are_one_stream_without_a_gap() -> None:
    rig = Rig()
    for _ in range(2):
        rig.source.push(voice(1.0))
        rig.source.flush()
    rig.run(2.5)
    jaw = rig.target.curve()
    assert rig.target.indices == list(range(len(jaw)))
    assert jaw[6:58].min() > 0.2


def test_silence_lets_the_mouth_close_softly_and_frames_go_on() -> None:
    rig = Rig()
    rig.speak(voice(1.0))
    rig.source.flush()
    rig.run(3.0)
    jaw = rig.target.curve()
    assert len(jaw) >= 110
    assert jaw[60:].max() == 0.0
    assert np.abs(np.diff(jaw)).max() < 0.45
    assert rig.target.indices == list(range(len(jaw)))


def test_an_interrupt_drops_what_is_queued_and_closes_the_mouth_within_a_third_of_a_second() -> None:
    rig = Rig()
    rig.source.push(voice(10.0))
    rig.run(1.0)
    shown = len(rig.target.frames)
    assert rig.target.curve()[-1] > 0.2
    rig.source.interrupt()
    rig.run(1.0)
    jaw = rig.target.curve()
    assert rig.events[0].startswith("interrupted: 8.")
    assert jaw[shown + 10 :].max() == 0.0
    assert np.abs(np.diff(jaw[shown - 1 : shown + 12])).max() < 0.25
    rig.source.push(voice(1.0))
    rig.run(0.5)
    assert rig.target.curve()[-1] > 0.2


def test_a_stalled_computer_drops_frames_says_so_and_returns_to_real_time() -> None:
    rig = Rig()
    rig.speak(voice(1.0))
    # Sound keeps coming while the loop does not turn.
    for _ in range(150):
        rig.host.sleep(0.01)
        rig.source.push(voice(0.01))
    rig.speak(voice(6.0))
    assert rig.events[0].endswith("this computer does not keep up; frames are dropped")
    assert rig.events[1].startswith("in time again; ")
    assert len(rig.events) == 2
    assert rig.live.stats.dropped >= 30
    assert np.all(np.diff(rig.target.indices) >= 1)
    settled = np.array(rig.target.times[-60:]) - np.array(rig.target.indices[-60:]) / 30
    assert np.ptp(settled) < 0.012
    # No drift: a frame in the end is as far behind its sound as one in the beginning, to one frame.
    first = rig.target.times[5] - rig.target.indices[5] / 30
    assert abs(settled[-1] - first) < 1 / 30 + 0.012


class Labouring(LoudnessAnimator):
    """Takes as long for a sound as the sound lasts, so that a lost second is never made up for."""

    def __init__(self, host: VirtualTime) -> None:
        super().__init__()
        self._host = host

    def push(self, samples: FloatArray) -> FloatArray:
        self._host.sleep(len(samples) / RATE)
        return super().push(samples)


def test_a_computer_that_only_just_keeps_up_is_not_left_behind_with_every_frame_too_late() -> None:
    rig = Rig()
    rig.live = Live(rig.source, Labouring(rig.host), rig.target, host=rig.host, on_event=rig.events.append)
    began, delivered = rig.host.now(), 0
    while (now := rig.host.now() - began) < 8.0:
        due = round(now * RATE) - delivered
        rig.source.push(voice(due / RATE))
        delivered += due
        if 2.0 < now < 2.6:
            rig.host.sleep(0.6)  # something else had the processor
        elif not rig.live.step():
            rig.host.sleep(0.002)
    assert rig.events[0].endswith("this computer does not keep up; frames are dropped")
    last = np.array(rig.target.times) - began > 4.5
    assert np.count_nonzero(last) > 100, "the face stands still"
    late = np.array(rig.target.times)[last] - began - np.array(rig.target.indices)[last] / 30
    assert late.max() < 0.4


def test_a_computer_that_slept_goes_on_from_now() -> None:
    rig = Rig()
    rig.speak(voice(1.0))
    before = rig.target.indices[-1]
    rig.host.sleep(60.0)
    rig.speak(voice(2.0))
    assert rig.events == ["nothing ran for 60.0 s (was the computer asleep?); going on from now"]
    jump = rig.target.indices[rig.target.indices.index(before) + 1] - before
    assert abs(jump / 30 - 60.0) < 0.2
    assert rig.target.curve()[-1] > 0.2


def test_breath_and_keys_do_not_move_the_mouth() -> None:
    random = np.random.default_rng(0)
    breath = 0.02 * random.standard_normal(3 * RATE).astype(np.float32)
    for at in random.integers(0, 3 * RATE - 500, 20):
        breath[at : at + 400] += 0.3 * np.exp(-np.arange(400) / 60) * random.standard_normal(400)
    gated, free = Rig(), Rig(LiveOptions(gate=False))
    for rig in (gated, free):
        rig.speak(breath)
    assert gated.target.curve().max() == 0.0
    assert free.target.curve().max() > 0.05


def test_the_automatic_gain_brings_a_faint_voice_up() -> None:
    fixed, automatic = Rig(), Rig(LiveOptions(gain_db=None))
    for rig in (fixed, automatic):
        rig.speak(voice(4.0, level=0.02))
    assert automatic.target.curve()[-1] > 3 * fixed.target.curve()[-1]


def test_with_idle_the_eyes_live_before_the_first_word() -> None:
    rig = Rig(LiveOptions(idle=IdleFace(LIVELINK_61, 30, seed=3)))
    rig.run(20.0)
    assert 590 <= len(rig.target.frames) <= 601
    assert rig.target.curve("eyeBlinkLeft").max() == 1.0
    assert np.ptp(rig.target.curve("headYaw")) > 0.005
    assert rig.target.curve().max() == 0.0


def test_a_writer_with_a_fast_crystal_does_not_pile_up_delay() -> None:
    rig = Rig()
    block = voice(0.01)
    origin = rig.host.now()
    for _ in range(20_000):
        rig.host.sleep(0.01 * (1 - 2e-4))
        rig.source.push(block)
        rig.live.step()
    late = np.array(rig.target.times[-30:]) - origin - np.array(rig.target.indices[-30:]) / 30 * (1 - 2e-4)
    assert late.max() < LOOKAHEAD_S + HOP_S + 0.01


def test_the_end_of_the_source_ends_the_stream_with_a_closed_mouth() -> None:
    rig = Rig(LiveOptions(fps=Fraction(60)))
    rig.source.push(voice(1.0))
    rig.source.finish()
    rig.run(2.5)
    assert rig.live.ended
    assert rig.target.curve()[-1] == 0.0
    assert rig.target.indices == list(range(len(rig.target.frames)))
