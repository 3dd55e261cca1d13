"""The model as the runtime sees it: frames as early as the model can, and the same curves, only cheaper."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from test_pmmtalk import TINY, TINY_WAVE, speech_like

from pmmlink.model.animator import Animator
from pmmlink.model.config import PMMTalkConfig
from pmmlink.model.pmmtalk import PMMTalk


def trained(config: PMMTalkConfig) -> PMMTalk:
    """A model whose batch norms have seen something, so that folding them is not trivial."""
    torch.manual_seed(0)
    model = PMMTalk(config)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for tensor in (module.weight, module.running_var):
                    tensor.uniform_(0.5, 1.5)
                for tensor in (module.bias, module.running_mean):
                    tensor.uniform_(-0.5, 0.5)
    return model.eval()


TINY_AHEAD = dataclasses.replace(
    TINY, audio_encoder=dataclasses.replace(TINY.audio_encoder, layers=3, chunk=2, look_ahead=3)
)


@pytest.mark.parametrize("config", [TINY, TINY_AHEAD, TINY_WAVE], ids=["mel", "ahead", "wave"])
@pytest.mark.parametrize("block", [1, 160, 533, 5000])
def test_frames_come_as_early_as_the_model_makes_them(config: PMMTalkConfig, block: int) -> None:
    model = trained(config)
    samples = speech_like(1, 2400 if block == 1 else 9000)[0, :, 0].numpy()
    animator, state = Animator(model), model.init_state(1)
    got, expected = [], []
    for start in range(0, len(samples), block):
        piece = samples[start : start + block]
        got.append(animator.push(piece))
        with torch.inference_mode():
            expected.append(model.step(torch.from_numpy(piece)[None, :, None], state)[0].numpy())
        assert len(got[-1]) == len(expected[-1]), start
    np.testing.assert_allclose(np.concatenate(got), np.concatenate(expected), atol=1e-5)


def test_a_mouth_that_can_be_painted_before_the_rest_is_heard_is_not_waited_for() -> None:
    head = dataclasses.replace(TINY.talking_head, ahead=0)
    model = trained(dataclasses.replace(TINY, talking_head=head))
    assert model.mouth_windows.latency + 160 < model.latency
    samples = speech_like(1, 9000)
    with torch.inference_mode():
        whole = model(samples)[0].numpy()
    animator = Animator(model)
    painted: list[int] = []
    animator.model.talking_head.register_forward_hook(
        lambda _module, _inputs, out: painted.append(out.shape[1])
    )
    got = []
    for start in range(0, 9000, 160):
        already = sum(painted)
        got.append(animator.push(samples[0, start : start + 160, 0].numpy()))
        if len(got[-1]):
            assert sum(painted) == already, "a frame waited for its mouth to be painted"
    got.append(animator.flush())
    assert all(count <= 1 for count in painted[:-1]), "each mouth on its own, not read twice"
    np.testing.assert_allclose(np.concatenate(got), whole, atol=1e-4)


def test_the_end_of_a_stream_gives_what_is_owed_and_a_reset_starts_over() -> None:
    model = trained(TINY)
    samples = speech_like(1, 7001)
    with torch.inference_mode():
        whole = model(samples)[0].numpy()
    animator = Animator(model)
    for size in (7001, 160, 7001):
        animator.reset()
        pieces = np.split(samples[0, :, 0].numpy(), range(size, 7001, size))
        curves = np.concatenate([*(animator.push(piece) for piece in pieces), animator.flush()])
        np.testing.assert_allclose(curves, whole, atol=1e-4)


@pytest.mark.parametrize("samples", [1, 100, 700])
def test_a_stream_too_short_for_a_token_ends_as_the_whole_clip_does(samples: int) -> None:
    model = trained(TINY)
    sound = speech_like(1, samples)
    with torch.inference_mode():
        whole = model(sound)[0].numpy()
    animator = Animator(model)
    curves = np.concatenate([animator.push(sound[0, :, 0].numpy()), animator.flush()])
    np.testing.assert_allclose(curves, whole, atol=1e-4)


def test_a_stream_without_sound_owes_nothing() -> None:
    animator = Animator(trained(TINY))
    assert animator.flush().shape == (0, 32)


def test_a_block_may_be_overwritten_after_it_was_pushed() -> None:
    model = trained(TINY)
    samples = speech_like(1, 4000)[0, :, 0].numpy()
    first, second = Animator(model), Animator(model)
    block = np.zeros(100, np.float32)
    curves = []
    for start in range(0, 4000, 100):
        block[:] = samples[start : start + 100]
        curves.append(first.push(block))
        block[:] = 9.0
    np.testing.assert_allclose(np.concatenate(curves), second.push(samples), atol=1e-5)


def test_the_model_given_keeps_its_names_and_its_curves() -> None:
    model = trained(TINY)
    names = list(model.state_dict())
    x = speech_like(1, 4000)
    with torch.inference_mode():
        before = model(x)
        again = Animator(Animator(model).model)
        assert list(model.state_dict()) == names
        assert torch.equal(model(x), before)
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in again.model.modules()) < sum(
        isinstance(m, torch.nn.BatchNorm2d) for m in model.modules()
    )
    bias = "audio_decoder.stages.0.gate.bias"
    assert again.model.get_parameter(bias) is model.get_parameter(bias)  # shared, not copied


def test_a_bias_kept_by_a_stream_serves_training() -> None:
    model = trained(TINY)
    Animator(model).push(speech_like(1, 16000)[0, :, 0].numpy())
    state = model.init_state(1)
    model.step(speech_like(1, 16000), state)
    model.step(speech_like(1, 1600), state).sum().backward()
    assert model.decoder.layers[0].attention.qkv.weight.grad is not None


def test_both_decoders_run_side_by_side_only_if_they_are_of_one_shape() -> None:
    same = Animator(trained(TINY)).model
    assert same.side_by_side is not None
    body = dataclasses.replace(TINY.text_decoder, left_context=TINY.audio_decoder.left_context - 1)
    model = trained(dataclasses.replace(TINY, text_decoder=body))
    apart = Animator(model)
    assert apart.model.side_by_side is None
    samples = speech_like(1, 7001)
    with torch.inference_mode():
        whole = model(samples)[0].numpy()
    curves = np.concatenate([apart.push(samples[0, :, 0].numpy()), apart.flush()])
    np.testing.assert_allclose(curves, whole, atol=1e-4)
