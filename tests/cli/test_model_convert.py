"""``pmmlink model convert`` as a user runs it: pretrained parts in, one weights file out."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from takes import make_takes
from transformers import Wav2Vec2ForPreTraining, Wav2Vec2Model
from wav2lip_reference import random_checkpoint, small_table
from wav2vec2_models import make, recogniser_of, save

from pmmlink.errors import CheckpointError
from pmmlink.model.animator import Animator
from pmmlink.model.checkpoint import load_model, read_card, save_model, sha256_of
from pmmlink.model.config import DecoderConfig, ImageEncoderConfig, PMMTalkConfig, paper_config
from pmmlink.model.pretrained.convert import Parts, convert
from pmmlink.model.pretrained.source import find_pretrained

Run = Callable[..., Any]


def small(**context: Any) -> PMMTalkConfig:
    """The paper preset with a small decoder and image encoder; the sources bring their own sizes."""
    paper = paper_config()
    return dataclasses.replace(
        paper,
        audio_decoder=dataclasses.replace(paper.audio_decoder, **context),
        text_decoder=dataclasses.replace(paper.text_decoder, **context),
        image_encoder=ImageEncoderConfig(widths=(4, 4, 4, 4), dim=8, heads=2, feed_forward=16),
        decoder=DecoderConfig(align_dim=6, dim=8, layers=1, heads=2, feed_forward=16),
    )


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``audio``, ``text`` (fine-tuned from it), ``other`` (fine-tuned from another), ``wav2lip.pth``."""
    folder = tmp_path_factory.mktemp("sources")
    base = make(Wav2Vec2ForPreTraining)
    save(base, folder / "audio")
    (folder / "audio" / "README.md").write_text("---\nlicense: apache-2.0\n---\n# base\n", encoding="utf-8")
    save(recogniser_of(base), folder / "text", symbols=11)
    save(recogniser_of(make(Wav2Vec2Model, seed=9)), folder / "other", symbols=11)
    table = {f"module.{name}": t for name, t in random_checkpoint(small_table()).items()}
    torch.save({"state_dict": table}, folder / "wav2lip.pth")
    return folder


def parts(sources: Path) -> Parts:
    return Parts(str(sources / "audio"), str(sources / "text"), sources / "wav2lip.pth")


def test_the_command_joins_the_parts_and_says_what_it_made(pmmlink: Run, sources: Path) -> None:
    ended = pmmlink(
        "model", "convert", "--audio", sources / "audio", "--text", sources / "text",
        "--talking-head", sources / "wav2lip.pth", "--chunk", 2, "--look-ahead", 1, "-o", "paper.safetensors",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    made = Path("paper.safetensors")
    assert ended.out.splitlines()[-1] == f"sha256 {sha256_of(made)}"
    config, card = read_card(made)
    assert config.modalities == ("audio", "text", "image")
    assert (config.audio_decoder.chunk, config.text_decoder.look_ahead) == (2, 1)
    assert (config.audio_encoder.dim, config.vocabulary, config.symbols[0]) == (12, 11, "<pad>")
    assert "licence: apache-2.0" in card["sources"]["audio"]
    assert sha256_of(sources / "wav2lip.pth") in card["sources"]["talking head"]
    assert "seed 0" in card["untrained"]
    shown = pmmlink("model", "info", "--weights", made)
    assert shown.code == 0, shown.err
    for text in (
        "audio_decoder.look_ahead",
        "1 chunk",
        "audio_encoder.level",
        "talking_head.ahead",
        "apache-2.0",
    ):
        assert text in shown.out, text


def test_the_same_sources_and_seed_give_the_same_file(tmp_path: Path, sources: Path) -> None:
    files = []
    for i, seed in enumerate((3, 3, 4)):
        files.append(tmp_path / f"{i}.safetensors")
        save_model(convert(parts(sources), small(), seed=seed)[0], files[-1], {}, half=False)
    first, again, other = (sha256_of(file) for file in files)
    assert first == again != other


def test_frozen_parts_are_the_sources_after_a_round_trip(tmp_path: Path, sources: Path) -> None:
    model, card = convert(parts(sources), small(conv_right=None, left_context=None, chunk=None))
    path = tmp_path / "whole.safetensors"
    save_model(model, path, card, half=False)
    loaded, _ = load_model(path)
    theirs = recogniser_of(make(Wav2Vec2ForPreTraining))
    sound = torch.randn(1, 8000) * 0.1
    with torch.inference_mode():
        logits = loaded.text_decoder(latents(loaded, sound))
        assert torch.allclose(logits, theirs(sound).logits, atol=1e-4)


def latents(model: Any, sound: torch.Tensor) -> torch.Tensor:
    """ψ_AE behind its level stage."""
    x = sound[..., None]
    for stage in list(model.audio_encoder.stages)[1:]:
        x = stage(x)
    return x


def test_weights_of_unlimited_context_are_refused_for_streaming(
    pmmlink: Run, speech: Path, tmp_path: Path, sources: Path
) -> None:
    model, card = convert(parts(sources), small(left_context=None, chunk=None))
    assert model(torch.randn(1, 8000, 1) * 0.1).shape == (1, 15, 32)
    with pytest.raises(CheckpointError, match="cannot stream"):
        Animator(model)
    whole = tmp_path / "whole.safetensors"
    save_model(model, whole, card)
    refused = pmmlink("bake", speech, "-o", "take.csv", "--weights", whole)
    assert refused.code == 2
    assert "cannot stream" in refused.err
    assert len(refused.err.strip().splitlines()) == 1
    assert "whole clip" in pmmlink("model", "info", "--weights", whole).out


def test_converted_weights_train_and_what_is_pretrained_and_frozen_stays(
    pmmlink: Run, tmp_path: Path, sources: Path
) -> None:
    start = tmp_path / "start.safetensors"
    model, card = convert(parts(sources), small())
    save_model(model, start, card)
    takes = make_takes(tmp_path / "takes", 1.0)
    ended = pmmlink("train", "--data", takes, "--weights", start, "--epochs", 1, "--out", "run")
    assert ended.code == 0, ended.err
    before, _ = load_model(start)
    after, _ = load_model(Path("run") / "best.safetensors")
    state = after.state_dict()
    moved = {name.split(".")[0] for name, t in before.state_dict().items() if not same(t, state[name])}
    assert moved.isdisjoint({"audio_encoder", "text_decoder", "talking_head", "reference_face"})
    assert {"audio_decoder", "image_encoder", "decoder", "audio_align"} <= moved


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b)


def test_a_part_left_out_switches_its_modality_off(sources: Path) -> None:
    model, card = convert(Parts(text=str(sources / "text")), small())
    assert model.modalities == ("text",)
    assert set(card["sources"]) == {"text"}
    assert hasattr(model, "audio_encoder")
    image, _ = convert(Parts(talking_head=sources / "wav2lip.pth"), small())
    assert image.modalities == ("image",)
    assert image.reference_face.std() > 0.05


def test_a_recogniser_of_another_model_cannot_share_the_audio_encoder(sources: Path) -> None:
    mixed = dataclasses.replace(parts(sources), text=str(sources / "other"))
    with pytest.raises(CheckpointError, match="its convolution stack is not that of"):
        convert(mixed, small())
    alone, _ = convert(Parts(audio=str(sources / "other"), text=str(sources / "other")), small())
    assert alone.modalities == ("audio", "text")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "nothing to convert"),
        (["--face", "me.png"], "only with a talking head"),
        (["--audio", "{there}/none"], "none: no such folder"),
        (["--audio", "{there}"], "config.json is missing"),
        (["--text", "{there}/audio"], "vocab.json is missing"),
        (["--audio", "{there}/audio", "--text", "{there}/other"], "convolution stack is not that of"),
        (["--talking-head", "{there}/none.pth"], "none.pth: no such file"),
        (["--talking-head", "{there}/wav2lip.pth", "--face", "{there}/wav2lip.pth"], "a readable picture"),
        (["--audio", "{there}/audio", "--chunk", "0"], "chunk must be at least 1"),
        (["--audio", "{there}/audio", "--conv-right", "99"], "sees 0 to 7 tokens ahead, not 99"),
        (["--talking-head", "{there}/wav2lip.pth", "--mel-ahead", "16"], "0 to 15 mel steps"),
        (["--audio", "{there}/audio", "-o", "{there}"], "is a folder"),
        (["--audio", "{there}/audio", "-o", "{there}/no/out.safetensors"], "does not exist or cannot"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(
    pmmlink: Run, sources: Path, arguments: list[str], text: str
) -> None:
    given = [argument.replace("{there}", str(sources)) for argument in arguments]
    output = [] if "-o" in given else ["-o", "out.safetensors"]
    ended = pmmlink("model", "convert", *given, *output)
    assert ended.code == 2
    assert text in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert not list(Path().iterdir())


def test_missing_and_sharded_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        find_pretrained(str(tmp_path))
    (tmp_path / "model.safetensors.index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CheckpointError, match="must be saved as one"):
        find_pretrained(str(tmp_path))


def in_a_process(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
        timeout=300,
    )


def test_a_hub_name_without_a_network_is_one_line() -> None:
    code = "import sys; sys.argv[0] = 'pmmlink'; from pmmlink.cli.app import main; main()"
    ended = in_a_process(
        code,
        "model",
        "convert",
        "--audio",
        "nobody/no-such-model",
        "-o",
        "out.safetensors",
        HF_HUB_OFFLINE="1",
    )
    assert ended.returncode == 2
    assert "nobody/no-such-model: no such folder here, and the hub did not give it" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="limits of the file size are POSIX")
def test_a_full_disk_leaves_the_previous_file_as_it_was(tmp_path: Path, sources: Path) -> None:
    out = tmp_path / "paper.safetensors"
    out.write_bytes(b"the previous one")
    code = (
        "import resource, sys; sys.argv[0] = 'pmmlink'; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)); "
        "from pmmlink.cli.app import main; main()"
    )
    ended = in_a_process(code, "model", "convert", "--audio", sources / "audio", "-o", out)
    assert ended.returncode == 2, ended.stderr
    assert "cannot write the weights" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert out.read_bytes() == b"the previous one"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
