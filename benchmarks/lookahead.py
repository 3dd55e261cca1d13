"""How far wav2vec 2.0's features move when chunk, left context and look-ahead are limited.

    python benchmarks/lookahead.py --audio facebook/wav2vec2-large-xlsr-53
    python benchmarks/lookahead.py --layers 24 --dim 1024 --heads 16

Each row limits a decoder with the same weights, runs it over the shipped sample speech, and compares its
features ψ_AD with those of the unlimited one, as the checkpoint was trained. Without ``--audio`` the weights
are random: that shows what the limits do to the mechanism, and nothing about XLSR-53.
"""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass

import soundfile
import soxr
import torch
from torch import Tensor

from pmmlink.dsp.wave_level import RunningWaveLevel, UtteranceLevel
from pmmlink.errors import PmmlinkError
from pmmlink.model.audio import AudioEncoder, ContextDecoder
from pmmlink.model.config import AudioEncoderConfig, ContextConfig
from pmmlink.model.pretrained.source import find_pretrained
from pmmlink.model.pretrained.wav2vec2 import load_audio_encoder, load_context, read_sizes, read_tensors
from pmmlink.resources import sample_speech
from pmmlink.stream.stage import WHOLE_CLIP

LEVELS = {"utterance": UtteranceLevel(), "running": RunningWaveLevel()}
UNLIMITED = ContextConfig(blocks="transformer", conv_right=None, left_context=None, chunk=None)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what is limited; None is unlimited."""

    level: str = "utterance"
    conv_right: int | None = None
    left_context: int | None = None
    chunk: int | None = None
    look_ahead: int = 0


ROWS = (
    # One limit at a time …
    Row(level="running"),
    *(Row(conv_right=right) for right in (32, 16, 8, 4, 0)),
    *(Row(chunk=chunk) for chunk in (50, 16, 4, 1)),
    *(Row(chunk=1, left_context=left) for left in (200, 100, 50, 25)),
    # … and all of them, as a stream has them.
    *(
        Row("running", 4, left, chunk, ahead)
        for left, chunk, ahead in (
            (100, 1, 0),
            (50, 1, 0),
            (200, 1, 0),
            (100, 4, 0),
            (100, 8, 0),
            (100, 4, 1),
            (100, 4, 4),
            (100, 8, 1),
            (100, 16, 1),
        )
    ),
    Row("running", 0, 100, 1, 0),
    Row("running", 16, 100, 8, 4),
)


def sound(seconds: float) -> Tensor:
    """The shipped sample speech, ``[1, N, 1]`` at 16 kHz."""
    samples, rate = soundfile.read(sample_speech(), dtype="float32")
    return torch.from_numpy(soxr.resample(samples, rate, 16_000)[: int(16_000 * seconds)])[None, :, None]


def random_parts(sizes: ContextConfig, latent: int, seed: int) -> tuple[AudioEncoder, ContextDecoder]:
    """Unlimited parts with random weights."""
    torch.manual_seed(seed)
    encoder = AudioEncoder(AudioEncoderConfig(front="wave", level="none", dim=latent))
    return encoder.eval(), ContextDecoder(latent, sizes).eval()


def loaded_parts(source: str) -> tuple[AudioEncoder, ContextDecoder, ContextConfig]:
    """Unlimited parts of a pretrained model."""
    files = find_pretrained(source)
    sizes, tensors = read_sizes(files.config), read_tensors(files)
    config = sizes.context(UNLIMITED)
    encoder = AudioEncoder(sizes.encoder(AudioEncoderConfig(level="none")))
    decoder = ContextDecoder(sizes.latent, config)
    load_audio_encoder(encoder, tensors, sizes)
    load_context(decoder, tensors)
    return encoder.eval(), decoder.eval(), config


def limited(whole: ContextDecoder, latent: int, config: ContextConfig) -> ContextDecoder:
    """The same weights under a limited config; the positional kernel loses the taps it may not use."""
    decoder = ContextDecoder(latent, config).eval()
    with torch.no_grad():
        for ours, theirs in zip(decoder.parameters(), whole.parameters(), strict=True):
            ours.copy_(theirs if ours.shape == theirs.shape else theirs[..., : ours.shape[-1]])
    return decoder


def compare(features: Tensor, reference: Tensor) -> tuple[float, float]:
    """Mean cosine over tokens, and the norm of the difference over the norm of the reference."""
    cosine = torch.cosine_similarity(features, reference, dim=-1).mean()
    return float(cosine), float((features - reference).norm() / reference.norm())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--audio", metavar="DIR|NAME", help="pretrained wav2vec 2.0; default: random weights")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=8.0)
    args = parser.parse_args()
    try:
        if args.audio:
            encoder, whole, config = loaded_parts(args.audio)
            origin = args.audio
        else:
            config = dataclasses.replace(
                UNLIMITED,
                layers=args.layers,
                dim=args.dim,
                heads=args.heads,
                feed_forward=4 * args.dim,
                kernel=128,
            )
            encoder, whole = random_parts(config, 512, args.seed)
            origin = f"random weights, seed {args.seed}"
    except PmmlinkError as error:
        raise SystemExit(f"pmmlink: {error}") from None
    x = sound(args.seconds)
    print(f"{config.layers} layers of {config.dim} ({origin}), {x.shape[1] / 16_000:.1f} s of speech\n")
    print(
        "| level | conv ahead | chunk | chunks ahead | left context | look-ahead ms | cosine | rel. error |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with torch.inference_mode():
        heard = {name: encoder(level(x)) for name, level in LEVELS.items()}
        reference = whole(heard["utterance"])
        for row in ROWS:
            limits = {key: value for key, value in dataclasses.asdict(row).items() if key != "level"}
            decoder = limited(whole, heard["running"].shape[-1], dataclasses.replace(config, **limits))
            cosine, error = compare(decoder(heard[row.level]), reference)
            ahead = "whole clip"
            if row.level == "running" and decoder.latency < WHOLE_CLIP and row.left_context is not None:
                ahead = f"{(encoder.latency + 320 * decoder.latency) / 16:.0f}"
            shown = [
                "all" if value is None else str(value)
                for value in (row.conv_right, row.chunk, row.look_ahead, row.left_context)
            ]
            print(f"| {row.level} | {' | '.join(shown)} | {ahead} | {cosine:.4f} | {error:.3f} |", flush=True)


if __name__ == "__main__":
    main()
