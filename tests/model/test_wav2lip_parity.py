"""ψ_HG is the public Wav2Lip generator: its tensors, its wiring, its face input and its spectrogram."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import torch
from wav2lip_reference import PlainGenerator, plain_mel, public_table, random_checkpoint, small_table

from pmmlink.errors import CheckpointError
from pmmlink.model.config import paper_config
from pmmlink.model.pretrained.face import read_face
from pmmlink.model.pretrained.wav2lip import (
    check_generator,
    generator_sizes,
    load_talking_head,
    read_generator,
)
from pmmlink.model.talking_head import MouthWindows, TalkingHead
from pmmlink.resources import ASSETS, sample_speech

BASE = paper_config().talking_head


def head_from(path: Path) -> TalkingHead:
    table = read_generator(path)
    config = generator_sizes(table, BASE, str(path))
    check_generator(table, config, str(path))
    head = TalkingHead(config).eval()
    load_talking_head(head, table)
    return head


def saved(tmp_path: Path, tensors: dict[str, Any]) -> Path:
    path = tmp_path / "wav2lip.pth"
    torch.save({"state_dict": tensors, "optimizer": None, "global_step": 255_000, "global_epoch": 3}, path)
    return path


def test_names_and_shapes_at_paper_size_are_the_public_checkpoints() -> None:
    with torch.device("meta"):
        ours = {name: tuple(t.shape) for name, t in TalkingHead(BASE).state_dict().items()}
    assert list(ours.items()) == list(public_table().items())
    learned = [shape for name, shape in public_table().items() if "running" not in name and shape]
    assert sum(math.prod(shape) for shape in learned) == 36_298_035


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy file"])
def test_a_checkpoint_of_the_public_size_loads(tmp_path: Path, prefix: str, zipped: bool) -> None:
    tensors = random_checkpoint(public_table())
    path = tmp_path / "wav2lip.pth"
    torch.save(
        {"state_dict": {prefix + name: t for name, t in tensors.items()}, "optimizer": {"state": {}}},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    table = read_generator(path)
    assert generator_sizes(table, BASE, "file") == BASE
    head = head_from(path)
    loaded = head.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


def test_pictures_are_those_of_a_plain_forward_pass(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = random_checkpoint(small_table())
    head = head_from(saved(tmp_path, tensors))
    assert head.image_size == 96
    windows, face = torch.randn(2, 3, 16, 80), torch.rand(2, 3, 96, 96)
    masked = face.clone()
    masked[:, :, 48:] = 0.0
    six = torch.cat([masked, face], dim=1)[:, None].expand(2, 3, 6, 96, 96).flatten(0, 1)
    with torch.inference_mode():
        ours = head(windows, head.encode_face(face))
        plain = PlainGenerator(tensors)(windows.flatten(0, 1).transpose(1, 2)[:, None], six)
    assert plain.std() > 0.05  # neither black nor saturated, so that wiring shows
    assert torch.allclose(ours.flatten(0, 1), plain, atol=1e-4)


def test_the_spectrogram_is_wav2lips() -> None:
    speech = soxr.resample(*soundfile.read(sample_speech(), dtype="float32"), 16_000)[: 16_000 * 3 + 77]
    expected = plain_mel(speech)
    assert expected.min() == -4
    assert expected.max() > 1
    windows = MouthWindows(15, "wav2lip")(torch.from_numpy(speech)[None, :, None])[0].numpy()
    for frame, window in enumerate(windows):
        start = int(frame * 80 / 30)  # as in Wav2Lip's inference: the window begins at the frame
        there = expected[start : start + 16]
        assert np.abs(window[: len(there)] - there).max() < 1e-3
        assert (window[len(there) :] == -4).all()  # silence after the end


def test_a_shifted_window_holds_the_same_steps_earlier() -> None:
    speech = torch.from_numpy(plain_sound())[None, :, None]
    shifted, whole = MouthWindows(6, "wav2lip")(speech)[0], MouthWindows(15, "wav2lip")(speech)[0]
    # Eight mel steps are three frames; nine steps back from frame 27 is frame 24 and one step more.
    assert torch.allclose(shifted[27, 1:9], whole[24, :8], atol=1e-5)
    assert MouthWindows(6, "wav2lip").latency == 6 * 200 + 399


def plain_sound() -> np.ndarray:
    return (np.random.default_rng(3).standard_normal(20_000) * 0.1).astype(np.float32)


def test_the_reference_face_is_blue_green_red_and_square(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "red.png"
    Image.new("RGB", (50, 30), (255, 0, 0)).save(path)
    face = read_face(path, 96)
    assert face.shape == (3, 96, 96)
    assert face[2].min() > 0.9
    assert face[:2].max() < 0.1
    assert read_face(ASSETS / "reference_face.png", 96).std() > 0.05


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(b"no picture")
    with pytest.raises(CheckpointError, match=r"face\.png: not a readable picture"):
        read_face(path, 96)
    with pytest.raises(CheckpointError, match="no such picture"):
        read_face(tmp_path / "none.png", 96)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (
            lambda t: t.pop("audio_encoder.4.conv_block.1.bias"),
            r"'audio_encoder\.4\.conv_block\.1\.bias' is missing",
        ),
        (
            lambda t: t.update({"face_decoder_blocks.3.1.conv_block.0.weight": torch.zeros(5, 48, 3, 3)}),
            r"'face_decoder_blocks\.3\.1\.conv_block\.0\.weight' has shape \[5, 48, 3, 3\], "
            r"expected \[48, 48, 3, 3\]",
        ),
        (lambda t: t.update({"extra.weight": torch.zeros(2)}), r"unknown tensor 'extra\.weight'"),
        (lambda t: t.clear() or t.update({"fc.weight": torch.zeros(1)}), "not a Wav2Lip generator"),
        (lambda t: t.update({"note": "text"}), "'note' is not a tensor"),
        (
            lambda t: [t.pop(name) for name in list(t) if name.startswith("audio_encoder")],
            "not Wav2Lip's layout",
        ),
    ],
)
def test_a_wrong_layout_names_the_first_tensor(tmp_path: Path, spoil: Any, text: str) -> None:
    tensors = random_checkpoint(small_table())
    spoil(tensors)
    with pytest.raises(CheckpointError, match=text):
        head_from(saved(tmp_path, tensors))


class _Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_with_code_is_refused_and_its_code_does_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": {"a": _Evil(trap)}}, path)
    with pytest.raises(CheckpointError, match="could run code"):
        read_generator(path)
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"\x80\x02}q\x00.", bytes(300)])
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"bad\.pth") as caught:
        read_generator(path)
    assert "\n" not in str(caught.value)


def test_a_cut_file_and_a_missing_one_are_named(tmp_path: Path) -> None:
    whole = saved(tmp_path, random_checkpoint(small_table())).read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"cut\.pth"):
        read_generator(path)
    with pytest.raises(CheckpointError, match=r"none\.pth: no such file"):
        read_generator(tmp_path / "none.pth")
