"""The recipe of the shipped weights: augmentation, batches, objectives, checkpoints."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from pmmlink.errors import DataError
from pmmlink.eval.report import to_json
from pmmlink.eval.speech import METRICS
from pmmlink.eval.statistics import Estimate
from pmmlink.eval.suite import REAL_READ_ENGLISH, SpeechReport
from pmmlink.lips import LIP_GAP_MM_PER_UNIT
from pmmlink.model.alignment import semantic_loss, temporal_loss
from pmmlink.model.audio import AudioEncoder
from pmmlink.model.checkpoint import load_model
from pmmlink.model.config import AudioEncoderConfig
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.phones import PHONE_INDEX
from pmmlink.resources import default_weights
from pmmlink.train import compact, recogniser
from pmmlink.train.augment import degrade, rms
from pmmlink.train.batches import Batch, Pool, batches, make_item, piece_of
from pmmlink.train.corpus.reader import Clip, load_manifest
from pmmlink.train.export import blended, figures_of
from pmmlink.train.grow import conformer_blocks
from pmmlink.train.objectives import (
    Weights,
    curve_terms,
    distillation_term,
    hearing_term,
    phone_terms,
    smooth_l1,
    total,
)
from pmmlink.train.phone_tokens import IGNORE
from pmmlink.train.processes import Processes
from pmmlink.train.recogniser import read_recogniser, start_from_recogniser
from pmmlink.train.regularise import WIDEST, HiddenBands, drop_channels
from pmmlink.train.teachers import FEATURES, TEACHER_WIDTH, at_speed, basis_of, lesson_path
from pmmlink.train.vocal_tract import stretch_voices, warped_hz

PHONES = [
    ["SIL", 0.0, 0.3],
    ["B", 0.3, 0.4],
    ["AA", 0.4, 0.7],
    ["M", 0.7, 0.8],
    ["IY", 0.8, 1.0],
    ["SIL", 1.0, 1.5],
]


ALONE = Processes(0, 1, torch.device("cpu"))


def write_clip(folder: Path, number: int, labelled: bool) -> dict[str, object]:
    rng = np.random.default_rng(number)
    t = np.arange(24_000) / 16_000
    voice = np.sin(2 * np.pi * (120 + 10 * number) * t) * ((t > 0.3) & (t < 1.0)) * 0.3
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "audio" / f"c{number}.flac", voice + rng.standard_normal(24_000) * 1e-3, 16_000)
    labels = None
    if labelled:
        (folder / "labels").mkdir(exist_ok=True)
        values = np.full((45, 32), np.nan, np.float32)
        values[:, 3] = np.linspace(0, 0.4, 45)
        np.save(folder / "labels" / f"c{number}.npy", values)
        labels = f"labels/c{number}.npy"
    return {
        "id": f"c{number}",
        "source": folder.name,
        "speaker": f"s{number}",
        "sex": None,
        "age": None,
        "language": "en",
        "split": "train",
        "audio": f"audio/c{number}.flac",
        "samples": 24_000,
        "text": "bombee",
        "phones": PHONES,
        "labels": labels,
        "style": "grid_s1" if labelled else "default",
        "align_score": None,
        "licence": "made by a test",
    }


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for source, labelled in (("flite", False), ("grid_s1", True)):
        folder = tmp_path / source
        lines = [json.dumps(write_clip(folder, n, labelled)) for n in range(2)]
        (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def clip_of(corpus: Path, source: str) -> Clip:
    return load_manifest(corpus, [source])[0]


def test_16_bits_are_advised_against_where_the_processor_lacks_them() -> None:
    assert compact.note_on_16_bits({"architecture": "x86_64", "avx512_bf16": True, "amx_bf16": True}) is None
    doubt = compact.note_on_16_bits({"architecture": "x86_64", "avx512_bf16": True, "amx_bf16": False})
    assert doubt is not None
    assert "without AMX" in doubt
    assert compact.note_on_16_bits({"architecture": "aarch64"}) is None
    note = compact.note_on_16_bits({"architecture": "x86_64", "avx2": True, "amx_bf16": False})
    assert note is not None
    assert note.startswith("--half: this processor has no bfloat16")


def test_degraded_sound_keeps_its_length_and_stays_in_range() -> None:
    rng = np.random.default_rng(0)
    speech = (np.sin(np.arange(32_000) / 20) * 0.2).astype(np.float32)
    levels = []
    for seed in range(40):
        out = degrade(np.random.default_rng(seed), speech, rng.standard_normal(32_000).astype(np.float32))
        assert out.shape == speech.shape
        assert out.dtype == np.float32
        assert np.abs(out).max() <= 1.0
        levels.append(20 * np.log10(rms(out)))
    assert -58 < min(levels) < -28
    assert -20 < max(levels) < -4


def test_a_piece_at_another_speed_moves_its_phones(corpus: Path) -> None:
    clip = clip_of(corpus, "flite")
    plain, fast = (piece_of(clip, clip.load_audio(), speed, None) for speed in (1.0, 1.25))
    assert len(fast.audio) == round(len(plain.audio) / 1.25)
    first = np.flatnonzero(plain.phones == PHONE_INDEX["AA"])[0] / 50
    assert np.flatnonzero(fast.phones == PHONE_INDEX["AA"])[0] / 50 == pytest.approx(first / 1.25, abs=0.02)
    assert fast.closure.max() == 1.0


def test_labelled_clips_keep_their_measured_curves_and_speed(corpus: Path) -> None:
    clip = clip_of(corpus, "grid_s1")
    piece = piece_of(clip, clip.load_audio(), 1.3, None)
    assert len(piece.audio) == 24_000
    assert np.isfinite(piece.curves).sum() == 45
    assert piece.curves[44, 3] == pytest.approx(0.4)


def test_items_fit_together_and_depend_on_the_seed_alone(corpus: Path) -> None:
    pool = Pool(load_manifest(corpus), compact.STYLES)
    one, again, other = (make_item(pool, "default", 3.2, np.random.default_rng(s)) for s in (1, 1, 2))
    assert (one.audio.shape, one.curves.shape, one.phones.shape) == ((51_200,), (96, 32), (160,))
    assert np.array_equal(one.audio, again.audio)
    assert not np.array_equal(one.audio, other.audio)
    # P, B and M of the targets shut the lips where the phones say so.
    shut = one.closure > 0.99
    assert shut.any()
    assert set(one.phones[np.flatnonzero(shut) * 5 // 3]) & {PHONE_INDEX["B"], PHONE_INDEX["M"]}


def test_some_items_begin_in_mid_speech_and_some_with_a_pause(corpus: Path) -> None:
    pool = Pool(load_manifest(corpus), compact.STYLES)
    items = [make_item(pool, "default", 1.6, np.random.default_rng(seed)) for seed in range(40)]
    quiet = sum(item.phones[0] == PHONE_INDEX["SIL"] for item in items)
    # Half of the items are cut anywhere; about half of that is a pause too, in these clips.
    assert 20 <= quiet <= 36


def test_a_clip_with_nothing_but_a_lesson_is_drawn_where_lessons_are_taught(corpus: Path) -> None:
    clip = dataclasses.replace(clip_of(corpus, "flite"), phones=None)
    assert Pool([clip], compact.STYLES, lessons=True).available == []  # no teacher heard it yet
    lesson_path(clip).parent.mkdir()
    np.save(lesson_path(clip), np.zeros((75, TEACHER_WIDTH), np.float16))
    assert Pool([clip], compact.STYLES).available == []
    pool = Pool([clip], compact.STYLES, lessons=True)
    item = make_item(pool, "default", 3.2, np.random.default_rng(1))
    taught = np.isfinite(item.teachers).all(1)
    assert taught.any()
    assert (item.phones[taught] == IGNORE).all()
    frames = np.repeat(taught, 3)[::5]
    assert np.isnan(item.curves[frames]).all()
    assert np.isnan(item.closure[frames]).all()


def test_batches_can_be_resumed_anywhere(corpus: Path) -> None:
    def feed(start: int) -> list[Batch]:
        pool = Pool(load_manifest(corpus), compact.STYLES)
        source = batches(pool, 2, 1.6, 5, {"default": 0.5, "grid_s1": 0.5}, itertools.count(start))
        return [next(source) for _ in range(2)]

    assert torch.equal(feed(0)[1].audio, feed(1)[0].audio)


def test_a_vanished_clip_stops_training_with_its_name(corpus: Path) -> None:
    pool = Pool(load_manifest(corpus), compact.STYLES)
    for path in corpus.glob("*/audio/*.flac"):
        path.unlink()
    with pytest.raises(DataError, match="unreadable"):
        next(batches(pool, 2, 1.6, 5, {"default": 1.0}, [0]))


def hand_batch() -> Batch:
    curves = torch.zeros(1, 3, 32)
    curves[0, :, 3] = torch.tensor([0.0, 0.2, 0.4])
    curves[0, :, 5] = float("nan")
    return Batch(
        torch.zeros(1, 1600),
        torch.zeros(1, 1600, 1),
        curves,
        torch.tensor([[1.0, 0.0, float("nan")]]),
        torch.full((1, 5), IGNORE),
        torch.full((1, 5, TEACHER_WIDTH), float("nan")),
        torch.tensor([1]),
    )


def test_objectives_by_hand() -> None:
    spread = torch.full((2, 32), 0.1)
    raw = torch.zeros(1, 3, 33)
    terms = curve_terms(raw, hand_batch(), spread)
    # Errors of jawOpen are 0, 2 and 4 spreads; Huber: 0, 1.5, 3.5, over 31 labelled curves × 3 frames.
    assert terms["position"].item() == pytest.approx(5.0 / 93)
    # Their differences are 2 and 2 spreads, over 31 × 2.
    assert terms["motion"].item() == pytest.approx(3.0 / 62)
    assert terms["acceleration"].item() == pytest.approx(0.0, abs=1e-6)
    # Logit 0 against 1 and 0; the third frame has no label.
    assert terms["closure"].item() == pytest.approx(np.log(2))
    # The gap counts for the default style only.
    assert terms["gap"].item() == 0.0
    weights = Weights(position=2.0, motion=0.0, gap=0.0, phones=0.0, temporal=0.0, semantic=0.0, closure=1.0)
    assert total(terms, weights).item() == pytest.approx(2 * 5.0 / 93 + np.log(2))


def test_hearing_is_the_share_of_variance_that_is_missed() -> None:
    wanted = torch.randn(2, 41, 6, generator=torch.Generator().manual_seed(2)) * 3 + 5
    assert hearing_term(wanted[:, :40], wanted).item() == 0.0
    mean = wanted[:, :40].mean((0, 1)).expand(2, 40, 6)
    assert hearing_term(mean, wanted).item() == pytest.approx(1.0)
    halfway = torch.lerp(wanted[:, :40], mean, 0.5)
    assert hearing_term(halfway, wanted).item() == pytest.approx(0.25)


def test_lips_pressed_harder_than_asked_cost_nothing() -> None:
    batch = hand_batch()
    batch = dataclasses.replace(batch, curves=torch.zeros(1, 3, 32), style=torch.tensor([0]))
    batch.curves[:, :, 4] = 0.05  # mouthClose: the target's lips are pressed
    raw = torch.zeros(1, 3, 33)
    raw[..., 4] = 0.1
    assert curve_terms(raw, batch, torch.ones(1, 32))["gap"].item() == 0.0
    raw[..., 4], raw[..., 3] = 0.0, 0.3
    expected = smooth_l1(
        torch.full((3,), (0.3 * LIP_GAP_MM_PER_UNIT[3] + 0.05 * 34.2) / 3.0), torch.ones(3).bool()
    )
    assert curve_terms(raw, batch, torch.ones(1, 32))["gap"].item() == pytest.approx(
        expected.item(), rel=1e-4
    )


def test_lips_that_are_open_where_the_target_rests_cost_what_they_are_open() -> None:
    batch = dataclasses.replace(hand_batch(), curves=torch.zeros(1, 3, 32), style=torch.tensor([0]))
    batch.curves[:, 2, 3] = 0.3  # jawOpen: the third frame speaks
    raw = torch.zeros(1, 3, 33)
    raw[:, 0, 3] = 0.1
    raw[:, 2, 3] = 0.9
    expected = 0.1 * LIP_GAP_MM_PER_UNIT[3] / 3.0 / 2  # of two resting frames one is open
    assert curve_terms(raw, batch, torch.ones(1, 32))["rest"].item() == pytest.approx(expected, rel=1e-4)


def untaught(tokens: int) -> torch.Tensor:
    return torch.full((1, tokens, TEACHER_WIDTH), float("nan"))


def test_unlabelled_tokens_do_not_count() -> None:
    logits = torch.zeros(1, 4, len(PHONE_INDEX))
    logits[0, 0, 7] = 50.0
    right, wrong = (torch.tensor([[phone, IGNORE, IGNORE, IGNORE]]) for phone in (7, 8))
    assert (
        phone_terms(logits, right, untaught(4))["phones"] < phone_terms(logits, wrong, untaught(4))["phones"]
    )


def test_teachers_outvote_a_label_and_leave_their_doubts() -> None:
    lesson = untaught(2)
    lesson[0, 0, FEATURES:] = torch.log_softmax(10.0 * torch.eye(len(PHONE_INDEX))[7], -1)
    labels = torch.tensor([[8, 8]])
    taught = torch.zeros(1, 2, len(PHONE_INDEX))
    taught[0, 0, 7] = taught[0, 1, 8] = 6.0  # the second token had no teacher: its label counts
    obstinate = taught.clone()
    obstinate[0, 0, 7], obstinate[0, 0, 8] = 0.0, 6.0
    assert phone_terms(taught, labels, lesson)["phones"] < phone_terms(obstinate, labels, lesson)["phones"]
    stripped = phone_terms(taught, torch.full((1, 2), IGNORE), lesson)
    assert 0 < stripped["phones"] < math.inf  # taught without any label


def test_which_bilabial_it_was_does_not_matter_to_closing_the_lips() -> None:
    def closing(heard: str, label: str, teacher: str | None = None) -> float:
        logits = torch.full((1, 1, len(PHONE_INDEX)), -20.0)
        logits[0, 0, PHONE_INDEX[heard]] = 20.0
        lesson = untaught(1)
        if teacher:
            lesson[0, 0, FEATURES:] = -40.0
            lesson[0, 0, FEATURES + PHONE_INDEX[teacher]] = 0.0
        return phone_terms(logits, torch.tensor([[PHONE_INDEX[label]]]), lesson)["bilabials"].item()

    assert closing("M", "B") == pytest.approx(0.0, abs=1e-4)
    # Wrong and sure of it by 40; several phones share what is left, hence a little less.
    assert closing("N", "M") == pytest.approx(40.0, abs=2.0)
    assert closing("M", "N") == pytest.approx(40.0, abs=4.0)
    # The label's share of the say is three tenths.
    assert closing("M", "N", "P") == pytest.approx(0.3 * closing("M", "N"), rel=1e-3)


def test_only_what_a_teacher_heard_is_imitated() -> None:
    teachers = untaught(3)
    teachers[0, 1] = 0.0
    teachers[0, 1, :2] = torch.tensor([1.0, -2.0])
    assert distillation_term(torch.zeros(1, 3, FEATURES), teachers).item() == pytest.approx(5.0)
    assert distillation_term(torch.zeros(1, 3, FEATURES), untaught(3)).item() == 0.0


def test_teachers_features_follow_the_speed_of_the_clip() -> None:
    ramp = np.arange(50, dtype=np.float32)[:, None].repeat(3, 1)
    fast = at_speed(ramp, 1.25, 40)
    np.testing.assert_allclose(fast[:, 0], np.arange(40) * 1.25, atol=1e-5)
    assert at_speed(ramp, 1.25, 45)[-1, 0] == 49.0  # past the end the last one is held


def test_main_directions_keep_what_varies_and_vary_by_one_in_all() -> None:
    rng = np.random.default_rng(2)
    hidden = rng.standard_normal((4000, 5)) * [5, 4, 3, 2, 1]
    mixed = (hidden @ rng.standard_normal((5, 80)) + 7.0).astype(np.float32)
    mean, basis = basis_of(mixed)
    reduced = (mixed - mean) @ basis
    assert reduced.var(0).sum() == pytest.approx(1.0, rel=1e-3)
    assert reduced[:, :5].var(0).sum() == pytest.approx(1.0, rel=1e-3)  # five directions hold all of it


def test_alignment_losses_are_zero_for_what_is_aligned() -> None:
    x = torch.randn(2, 6, 4)
    mask = torch.ones(2, 6)
    assert semantic_loss(x, 3 * x, mask).item() == pytest.approx(0, abs=1e-6)
    assert temporal_loss(torch.eye(6).expand(2, 6, 6), mask).item() == pytest.approx(0, abs=1e-6)
    assert temporal_loss(torch.eye(6).flip(0).expand(2, 6, 6), mask).item() > 0.1
    # Frames that do not exist do not count.
    mask[:, 4:] = 0
    noisy = x.clone()
    noisy[:, 4:] += 100
    assert semantic_loss(x, noisy, mask).item() == pytest.approx(0, abs=1e-6)


def test_growing_a_model_keeps_what_it_computes() -> None:
    torch.manual_seed(0)
    small = compact.new_model(("audio", "text"), dropout=0.0).eval()
    grown = compact.new_model(("audio", "text", "image"), dropout=0.0).eval()
    compact.fit_weights(grown, small.state_dict())
    x = torch.randn(1, 8000, 1) * 0.05
    with torch.inference_mode():
        assert torch.allclose(grown(x), small(x), atol=1e-5)


def test_between_two_trainings_all_is_mixed_but_the_image_branch() -> None:
    torch.manual_seed(0)
    models = [compact.new_model(("audio", "text", "image"), dropout=0.0) for _ in range(3)]
    mixed, first, second = models
    states = [model.state_dict() for model in models]
    blended(mixed, first.state_dict(), second.state_dict(), 0.25)
    for name, value in mixed.state_dict().items():
        _, one, two = (state[name] for state in states)
        if name.startswith(compact.IMAGE_PARTS):
            assert torch.equal(value, one), name
        elif name == compact.FUSE:
            align = mixed.config.decoder.align_dim
            assert torch.equal(value[:, 2 * align : 3 * align], one[:, 2 * align : 3 * align])
            assert torch.allclose(value[:, :align], 0.75 * one[:, :align] + 0.25 * two[:, :align], atol=1e-6)
            assert torch.allclose(value[:, 3 * align :], one[:, 3 * align :].lerp(two[:, 3 * align :], 0.25))
        elif value.is_floating_point():
            assert torch.allclose(value, one.lerp(two, 0.25)), name
    other = {**second.state_dict(), compact.FUSE: torch.zeros(3)}
    with pytest.raises(DataError, match=r"do not fit: decoder\.fuse\.weight"):
        blended(mixed, first.state_dict(), other, 0.25)


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"last\.pt: no checkpoint"):
        compact.weights_of(tmp_path / "last.pt")
    with pytest.raises(DataError, match="no checkpoint"):
        compact.weights_of(tmp_path)


def test_a_model_without_a_modality_keeps_the_weights_of_the_others() -> None:
    torch.manual_seed(0)
    whole = compact.new_model(("audio", "text", "image"), dropout=0.0)
    less = compact.new_model(("audio", "image"), dropout=0.0)
    compact.fit_weights(less, whole.state_dict())
    align = whole.config.decoder.align_dim
    theirs, ours = whole.decoder.fuse.weight, less.decoder.fuse.weight
    assert torch.equal(ours[:, :align], theirs[:, :align])
    assert torch.equal(ours[:, align:], theirs[:, 2 * align :])
    assert torch.equal(less.audio_rate.weight, whole.audio_rate.weight)


def test_a_model_that_looks_further_ahead_starts_as_the_one_that_does_not() -> None:
    torch.manual_seed(0)
    near = compact.new_model(("audio", "text"), dropout=0.0, conv_right=(0, 1)).eval()
    far = compact.new_model(("audio", "text"), dropout=0.0, conv_right=(2, 2)).eval()
    compact.fit_weights(far, near.state_dict())
    assert far.latency == near.latency + 6 * 320
    x = torch.randn(1, 8000, 1) * 0.05
    with torch.inference_mode():
        assert torch.allclose(far(x), near(x), atol=1e-5)


def test_blocks_that_look_further_ahead_together_start_with_the_taps_of_those_that_do_not() -> None:
    torch.manual_seed(0)
    near = compact.new_model(("audio", "text"), dropout=0.0, look_ahead=1).eval()
    far = compact.new_model(("audio", "text"), dropout=0.0, look_ahead=5).eval()
    compact.fit_weights(far, near.state_dict())
    assert far.latency == near.latency + 4 * 320  # once, not once a block
    name = "stages.4.layers.0"
    taps, more = (conformer_blocks(m.audio_encoder)[name].depthwise.conv.weight for m in (near, far))
    assert torch.equal(more[..., : taps.shape[-1]], taps)
    assert not more[..., taps.shape[-1] :].any()


def test_blocks_that_look_ahead_together_can_start_from_those_that_do_not() -> None:
    """The shipped ear, in a stack of its own look-ahead: all but attention begins as it was."""
    apart = load_model(default_weights())[0].eval()
    config = apart.config
    stack = dataclasses.replace(config.audio_encoder, layers=4, causal_layers=0, chunk=1, look_ahead=2)
    together = PMMTalk(dataclasses.replace(config, audio_encoder=stack)).eval()
    compact.fit_weights(together, apart.state_dict())
    assert together.latency == apart.latency
    for one, other in zip(
        conformer_blocks(apart.audio_encoder).values(),
        conformer_blocks(together.audio_encoder).values(),
        strict=True,
    ):
        assert torch.equal(one.attention.qkv.weight, other.attention.qkv.weight)
        old, new = one.depthwise.conv.weight, other.depthwise.conv.weight
        assert torch.equal(new[..., : old.shape[-1]], old)
        assert not new[..., old.shape[-1] :].any()
    x = torch.randn(1, 16_000, 1, generator=torch.Generator().manual_seed(1)) * 0.05
    with torch.inference_mode():
        before, after = apart(x), together(x)
    assert (after - before).square().mean() < 0.05 * before.square().mean()


def test_a_stack_of_fewer_blocks_cannot_start_from_the_shipped_ear() -> None:
    apart = load_model(default_weights())[0]
    stack = dataclasses.replace(apart.config.audio_encoder, layers=3, causal_layers=0, chunk=2, look_ahead=3)
    with pytest.raises(DataError, match="checkpoint does not fit: audio_encoder"):
        compact.fit_weights(
            PMMTalk(dataclasses.replace(apart.config, audio_encoder=stack)), apart.state_dict()
        )


def test_new_blocks_of_the_encoder_hand_on_what_they_get() -> None:
    small = load_model(default_weights())[0]
    config = small.config.audio_encoder
    more = dataclasses.replace(
        small.config, audio_encoder=dataclasses.replace(config, causal_layers=config.causal_layers + 2)
    )
    grown = PMMTalk(more).eval()
    compact.fit_weights(grown, small.state_dict())
    assert grown.latency == small.latency  # they look at nothing ahead
    x = torch.randn(1, 16_000, 1, generator=torch.Generator().manual_seed(1)) * 0.05
    with torch.inference_mode():
        before, after = small.audio_encoder(x), grown.audio_encoder(x)
    assert (after - before).square().mean() < 0.1 * before.square().mean()


def test_training_goes_on_from_shipped_weights(corpus: Path, tmp_path: Path) -> None:
    run = compact.Run(
        "encoders", corpus, tmp_path / "run", 1, 1e-3, 2, 0.8, 3, Weights(), ("audio", "text"), {}
    )
    shipped = default_weights()
    model, _ = compact.prepare(
        run, argparse.Namespace(recogniser=None, start=shipped), compact.make_pool(corpus, "train", {})
    )
    theirs = load_model(shipped)[0].text_decoder.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in model.text_decoder.state_dict().items())


def test_the_card_says_what_a_report_says() -> None:
    recall, none = (
        Estimate(0.9, 0.8, 1.0, 20, np.ones(1)),
        Estimate(math.nan, math.nan, math.nan, 0, np.ones(1)),
    )
    figures = {**dict.fromkeys(METRICS, none), "closure_recall": recall}
    report = SpeechReport("m", {"suite": "speech"}, ["a/1"], ["x"], figures)
    report.groups = {"scope": {REAL_READ_ENGLISH: figures}, "source": {"a": figures}}
    lines = figures_of(json.loads(json.dumps(to_json(report))))
    assert lines["measured"] == "suite speech: 1 clips, 1 speakers"
    recall_line = lines["P/B/M closure recall, real read English"]
    assert recall_line == "0.900 [0.800, 1.000], 20; bar ≥ 0.95: missed"
    assert lines["its precision, speech frames"] == "- [-, -], 0; bar ≥ 0.90: not measured"
    assert lines["P/B/M recall / precision, a"] == "0.900 / - (20)"


def test_the_learning_rate_warms_up_and_cools_down() -> None:
    rates = [compact.learning_rate(step, 1000, 1.0) for step in range(1000)]
    assert rates[0] < 0.01
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] < 0.03


def test_a_run_that_is_stopped_and_resumed_goes_on_from_its_checkpoint(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def go(steps: int) -> None:
        run = compact.Run(
            "encoders", corpus, tmp_path / "run", steps, 1e-3, 2, 0.8, 3, Weights(), ("audio", "text"), {}
        )
        compact.train(run, argparse.Namespace(recogniser=None, start=None, report=1, save=1), ALONE)

    go(2)
    go(3)
    lines = (tmp_path / "run" / "encoders" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]
    assert "resumed at step 2" in capsys.readouterr().out


def test_regularised_encoders_learn_from_less_than_they_are_given(corpus: Path, tmp_path: Path) -> None:
    def first_step(name: str, regularise: bool) -> dict[str, float]:
        out = tmp_path / name
        run = compact.Run("encoders", corpus, out, 1, 1e-3, 2, 0.8, 3, Weights(), ("audio", "text"), {})
        run.regularise = regularise
        compact.train(run, argparse.Namespace(recogniser=None, start=None, report=1, save=1), ALONE)
        line: dict[str, float] = json.loads((out / "encoders" / "log.jsonl").read_text(encoding="utf-8"))
        return {name: value for name, value in line.items() if name != "s_per_step"}

    whole = first_step("whole", regularise=False)
    assert first_step("again", regularise=False) == whole
    assert first_step("less", regularise=True) != whole


def test_an_ear_held_to_the_recogniser_hears_more_as_it_does(corpus: Path, tmp_path: Path) -> None:
    hama = pytest.importorskip("hama", reason="the recogniser hama is not installed")
    weights = Weights(hearing=5.0)
    run = compact.Run("encoders", corpus, tmp_path, 12, 5e-4, 2, 1.6, 3, weights, ("audio", "text"), {})
    args = argparse.Namespace(recogniser=None, start=default_weights(), report=1, save=12)
    with pytest.raises(DataError, match="needs --recogniser FILE and --look-ahead"):
        compact.train(run, args, ALONE)
    run.look_ahead = 3
    args.recogniser = Path(hama.__file__).parent / "assets" / "asr_waveform.hama"
    compact.train(run, args, ALONE)
    lines = (tmp_path / "encoders" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    missed = [json.loads(line)["hearing"] for line in lines]
    assert 0.1 < np.mean(missed[-4:]) < 0.9 * np.mean(missed[:4])


def _two_steps(corpus: Path, out: Path, **settings: bool) -> dict[str, float]:
    """Losses of two steps from the shipped weights."""
    run = compact.Run(
        "encoders", corpus, out, 2, 1e-3, 2, 0.8, 3, Weights(), ("audio", "text"), {}, **settings
    )
    compact.train(run, argparse.Namespace(recogniser=None, start=default_weights(), report=2, save=2), ALONE)
    line: dict[str, float] = json.loads((out / "encoders" / "log.jsonl").read_text(encoding="utf-8"))
    saved = torch.load(out / "encoders" / "last.pt", weights_only=True)
    assert all(v.dtype == torch.float32 for v in saved["model"].values() if v.is_floating_point())
    return line


def test_products_in_16_bits_train_as_those_in_32_do(corpus: Path, tmp_path: Path) -> None:
    full, half = _two_steps(corpus, tmp_path / "full"), _two_steps(corpus, tmp_path / "half", half=True)
    for term in ("position", "phones", "distillation", "closure"):
        assert half[term] == pytest.approx(full[term], rel=0.05), term


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="compiling needs a C++ compiler")
def test_compiled_layers_train_as_others_do(corpus: Path, tmp_path: Path) -> None:
    plain = _two_steps(corpus, tmp_path / "plain")
    compiled = _two_steps(corpus, tmp_path / "compiled", compiled=True)
    for term in ("position", "phones", "distillation", "closure"):
        assert compiled[term] == pytest.approx(plain[term], rel=1e-3), term


def test_two_processes_average_what_they_learn(corpus: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node=2",
        "--standalone",
        "-m",
        "--",
    ]
    command += ["pmmlink.train.compact", "encoders", "--corpus", str(corpus), "--out", str(tmp_path / "run")]
    command += ["--steps", "2", "--batch", "1", "--seconds", "0.8", "--report", "1", "--save", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    # One of them writes. That gradients are averaged is the next test's.
    folder = tmp_path / "run" / "encoders"
    assert len((folder / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["processes"] == 2


class _Twin(Processes):
    """A second process whose gradients are all ones."""

    def add_up(self, values: torch.Tensor) -> torch.Tensor:
        return values + 1.0


def test_gradients_are_means_over_processes() -> None:
    parameters = [torch.nn.Parameter(torch.zeros(2, 3)), torch.nn.Parameter(torch.zeros(4))]
    idle = torch.nn.Parameter(torch.zeros(1))
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 3.0)
    compact.share_gradients([*parameters, idle], _Twin(0, 2, torch.device("cpu")))
    assert all((p.grad == 2.0).all() for p in parameters if p.grad is not None)
    assert idle.grad is None


def recogniser_like(dim: int) -> dict[str, torch.Tensor]:
    """Random tensors under the names and of the shapes of the recogniser's file."""
    rng = torch.Generator().manual_seed(3)
    made: dict[str, torch.Tensor] = {}

    def add(name: str, *shape: int) -> None:
        made[name] = torch.randn(*shape, generator=rng) * 0.1

    add("onnx::Conv_801", dim, 80, 3)
    add("onnx::Conv_802", dim)
    for i, matrix in enumerate((829, 838, 847, 856)):
        block = f"acoustic_model.model.blocks.{i}"
        for norm in ("ffn1.norm", "attn_norm", "conv.norm", "ffn2.norm", "norm"):
            add(f"{block}.{norm}.weight", dim)
            add(f"{block}.{norm}.bias", dim)
        for offset, rows, columns in (
            (0, dim, 4 * dim),
            (1, 4 * dim, dim),
            (2, dim, 3 * dim),
            (6, dim, dim),
            (7, dim, 4 * dim),
            (8, 4 * dim, dim),
        ):
            add(f"onnx::MatMul_{matrix + offset}", rows, columns)
        for half in ("ffn1", "ffn2"):
            add(f"{block}.{half}.fc1.bias", 4 * dim)
            add(f"{block}.{half}.fc2.bias", dim)
        add(f"{block}.attn.in_proj_bias", 3 * dim)
        add(f"{block}.attn.out_proj.bias", dim)
        add(f"{block}.conv.pointwise1.weight", 2 * dim, dim, 1)
        add(f"{block}.conv.pointwise1.bias", 2 * dim)
        add(f"{block}.conv.pointwise2.weight", dim, dim, 1)
        add(f"{block}.conv.pointwise2.bias", dim)
        add(f"onnx::Conv_{804 + 3 * i}", dim, 1, 31)
        add(f"onnx::Conv_{805 + 3 * i}", dim)
    return made


@pytest.mark.parametrize(("look_ahead", "taps"), [(3, 20), (0, 17)])
def test_the_ear_starts_as_the_recogniser(
    look_ahead: int, taps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = recogniser_like(144)
    monkeypatch.setattr(recogniser, "read_recogniser", lambda path: theirs)  # noqa: ARG005
    model = compact.new_model(("audio", "text"), dropout=0.0, look_ahead=look_ahead).eval()
    start_from_recogniser(model, tmp_path)
    ear, text = (conformer_blocks(part) for part in (model.audio_encoder, model.text_decoder))
    last = list((ear if look_ahead else text).values())[-1]
    assert torch.equal(last.depthwise.conv.weight, theirs["onnx::Conv_813"][..., :taps])
    assert torch.equal(last.attention.qkv.weight, theirs["onnx::MatMul_858"].T)
    first = ear["stages.4.layers.0" if look_ahead else "stages.4"]
    assert torch.equal(first.depthwise.conv.weight, theirs["onnx::Conv_804"][..., :taps])
    if look_ahead:
        sound = torch.randn(1, 16_000, 1, generator=torch.Generator().manual_seed(1)) * 0.1
        latents = model.audio_encoder(sound)
        # What a norm with random scales puts out is less even over the channels than a trained one's.
        handed_on = model.audio_decoder(latents) - latents
        assert handed_on.square().mean() < 0.3 * latents.square().mean()


def test_a_run_from_the_recogniser_keeps_all_but_the_ear_of_other_weights() -> None:
    shipped = load_model(default_weights())[0]
    model = compact.new_model(("audio", "text"), dropout=0.0, look_ahead=3)
    ear = {name: value.clone() for name, value in model.audio_encoder.state_dict().items()}
    compact.keep_all_but_ear(model, shipped.state_dict())
    assert all(torch.equal(value, ear[name]) for name, value in model.audio_encoder.state_dict().items())
    assert torch.equal(model.styles, shipped.styles)
    assert torch.equal(
        model.text_decoder.stages[1].module.weight, shipped.text_decoder.stages[1].module.weight
    )
    assert torch.equal(model.decoder.curves.weight, shipped.decoder.curves.weight)


def test_a_file_that_is_no_recogniser_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "asr_waveform.hama"
    with pytest.raises(DataError, match="cannot read"):
        read_recogniser(path)
    path.write_bytes(b"something else entirely")
    with pytest.raises(DataError, match="not the recogniser"):
        read_recogniser(path)


def _band(encoder: AudioEncoder, hz: float) -> int:
    tone = torch.sin(2 * math.pi * hz * torch.arange(16_000) / 16_000)[None, :, None]
    return int(encoder.stages[0](tone)[0, 50].argmax())


@pytest.mark.parametrize("factor", [0.88, 1.12])
def test_a_stretched_voice_is_heard_at_other_frequencies(factor: float) -> None:
    encoder = AudioEncoder(AudioEncoderConfig())
    heard = {hz: _band(encoder, hz) for hz in (1000.0, 2000.0, 4000.0)}
    there = {hz: _band(encoder, hz * factor) for hz in heard}
    assert there != heard
    stretch_voices(encoder, factor)
    assert all(abs(_band(encoder, hz) - there[hz]) <= 1 for hz in heard)
    assert int((encoder.stages[0].filters.sum(0) <= 0).sum()) == 0  # no band falls deaf
    stretch_voices(encoder, 1.0)
    assert {hz: _band(encoder, hz) for hz in heard} == heard


def test_frequencies_stretch_in_order_and_stay_within_the_band() -> None:
    hz = torch.linspace(0, 8000, 201, dtype=torch.float64)
    for factor in (0.88, 1.0, 1.12):
        warped = warped_hz(hz, factor)
        assert float(warped[0]) == 0
        assert float(warped[-1]) == pytest.approx(8000)
        assert bool((warped.diff() > 0).all())


def test_bands_are_hidden_at_all_times_and_in_training_alone() -> None:
    encoder = AudioEncoder(AudioEncoderConfig())
    bands = HiddenBands(encoder, np.random.default_rng(3))
    spectra = torch.randn(4, 50, 80)
    hidden = bands.hide(spectra)
    flat = hidden.std(1) < 1e-5
    torch.testing.assert_close(hidden[:, 0][flat], spectra.mean(1)[flat])
    assert 0 < flat.sum(1).min() <= flat.sum(1).max() <= 2 * WIDEST
    assert torch.equal(hidden.movedim(1, 2)[~flat], spectra.movedim(1, 2)[~flat])
    assert not torch.equal(flat[0], flat[1])
    wave = torch.randn(1, 8000, 1) * 0.1
    encoder.eval()
    assert torch.equal(encoder(wave), encoder(wave))
    encoder.train()
    assert not torch.equal(encoder(wave), encoder(wave))
    bands.rng = np.random.default_rng(4)
    first = encoder(wave)
    bands.rng = np.random.default_rng(4)
    assert torch.equal(encoder(wave), first)


def test_channels_are_dropped_in_training_alone() -> None:
    model = compact.new_model(("audio", "text"), dropout=0.0)
    wave = torch.randn(1, 8000, 1) * 0.1
    model.train()
    before = model(wave)
    assert torch.equal(model(wave), before)
    drop_channels(model)
    assert not torch.equal(model(wave), model(wave))
    model.eval()
    assert torch.equal(model(wave), before)
