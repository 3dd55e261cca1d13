"""The recipe of the shipped weights.

Three stages, each resumable; ``--out`` keeps checkpoints and a log::

    python -m pmmlink.train.compact encoders --corpus corpus --recogniser asr_waveform.hama --out runs/a
    python -m pmmlink.train.compact mouth    --corpus corpus --out runs/a      (ψ_HG, may run beside)
    python -m pmmlink.train.compact fuse     --corpus corpus --out runs/a      (ψ_AE, ψ_TD, ψ_HG frozen)

``encoders`` trains ψ_AE, ψ_AD, ψ_TD and the decoder together without images, starting from the phone
recogniser. ``fuse`` freezes ψ_AE, ψ_TD and ψ_HG, as the paper does, and trains ψ_AD, ψ_IE, the alignment
and the decoder with all three modalities.

With ``torchrun --nproc-per-node 2 -m -- pmmlink.train.compact …`` two processes make batches of their own.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pmmlink.errors import DataError, PmmlinkError
from pmmlink.model.checkpoint import load_model
from pmmlink.model.config import MODALITIES, PMMTalkConfig
from pmmlink.model.conformer import ConformerBlock, FeedForward
from pmmlink.model.conformer_look_ahead import ConformerLookAhead
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.phones import PHONES
from pmmlink.stream.attention import CachedAttention
from pmmlink.train.batches import Pool, batches, make_item
from pmmlink.train.corpus.reader import load_manifest
from pmmlink.train.corpus.recogniser_features import RecogniserFeatures
from pmmlink.train.grow import conformer_blocks, hand_on
from pmmlink.train.objectives import Weights, all_terms, distillation_term, hearing_term, phone_terms, total
from pmmlink.train.processes import Processes, join_processes
from pmmlink.train.recogniser import start_from_recogniser
from pmmlink.train.regularise import HiddenBands, drop_channels
from pmmlink.train.teachers import FEATURES
from pmmlink.train.vocal_tract import CHANCE, STRETCH, stretch_voices
from pmmlink.whole_file import whole_file

STYLES = ("default", "grid_s1", "facegood_zh")
STYLE_SHARE = {"default": 0.84, "grid_s1": 0.10, "facegood_zh": 0.06}
# Real read speech is what synthetic voices do not teach; Kokoro's native speakers are the next best, most of
# all where they say other words than the few hundred of the prompts.
SOURCE_WEIGHTS = {"kokoro": 2.0, "kokoro_wide": 5.0, "espeak": 0.5, "flite": 0.5}
IMAGE_PARTS = ("image_", "talking_head", "reference_face")
FUSE = "decoder.fuse.weight"
HELD_OUT_SOURCES = ("asterisk_en", "asterisk_es", "asterisk_fr", "asterisk_it", "asterisk_ru")


@dataclasses.dataclass(slots=True)
class Run:
    """Settings of one stage, written beside its checkpoints."""

    stage: str
    corpus: Path
    out: Path
    steps: int
    lr: float
    batch: int
    seconds: float
    seed: int
    weights: Weights
    modalities: tuple[str, ...]
    source_weights: dict[str, float]
    conv_right: tuple[int, int] = (1, 1)
    """Tokens that each block of ψ_AE, and of ψ_AD and ψ_TD, sees ahead: 20 ms each."""
    look_ahead: int = 0
    """Tokens that all blocks of ψ_AE see ahead together, in place of ``conv_right``; 0: not together."""
    half: bool = False
    """Whether products are made in 16 bits."""
    compiled: bool = False
    """Whether the feed-forward layers are compiled."""
    regularise: bool = False
    """Whether the encoders must do without parts of what they hear (:mod:`pmmlink.train.regularise`)."""

    def folder(self) -> Path:
        return self.out / self.stage


class Average:
    """Exponential moving average of a model's parameters: what is evaluated and shipped."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.shadow[name].lerp_(value.detach(), 1 - decay)
            else:
                self.shadow[name].copy_(value)


def make_pool(corpus: Path, split: str, source_weights: dict[str, float], *, lessons: bool = False) -> Pool:
    """Clips of a split, without those kept for the final figures; ``lessons`` as in :class:`.Pool`."""
    clips = [c for c in load_manifest(corpus, split=split) if c.source not in HELD_OUT_SOURCES]
    return Pool(clips, STYLES, source_weights, lessons)


def measure_spread(pool: Pool) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each curve in each style, ``[S, 32]`` each, from random items."""
    means, spreads = [], []
    for style in STYLES:
        rng = np.random.default_rng(7)
        if style not in pool.available:
            means.append(torch.zeros(32))
            spreads.append(torch.ones(32))
            continue
        items = [make_item(pool, style, 6.0, rng) for _ in range(60)]
        curves = torch.from_numpy(np.concatenate([i.curves for i in items]))
        known = torch.isfinite(curves)
        filled = torch.where(known, curves, torch.zeros_like(curves))
        count = known.sum(0).clamp_min(1)
        mean = filled.sum(0) / count
        variance = (torch.where(known, curves - mean, torch.zeros_like(curves)) ** 2).sum(0) / count
        means.append(mean)
        spreads.append(variance.sqrt().clamp_min(0.03))
    return torch.stack(means), torch.stack(spreads)


def learning_rate(step: int, steps: int, peak: float, warmup: int = 200) -> float:
    """Linear warm-up (of a fifth of a short run), then half a cosine down to a fiftieth."""
    warmup = min(warmup, max(1, steps // 5))
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))))


def new_model(
    modalities: tuple[str, ...],
    dropout: float = 0.05,
    conv_right: tuple[int, int] = (1, 1),
    look_ahead: int = 0,
) -> PMMTalk:
    """A compact model with random weights.

    Args:
        modalities: which branches it has.
        dropout: of ψ_PD.
        conv_right: look-ahead of each block of ψ_AE, and of ψ_AD and ψ_TD.
        look_ahead: where not 0, ψ_AE is all four blocks of the recogniser, which see so many tokens after
            their chunk of two (:mod:`pmmlink.model.conformer_look_ahead`); ψ_AD and ψ_TD see nothing ahead.
    """
    base = PMMTalkConfig(modalities=modalities, styles=STYLES)
    if look_ahead:
        ear = dataclasses.replace(
            base.audio_encoder, layers=4, causal_layers=0, chunk=2, look_ahead=look_ahead, left_context=100
        )
        context = dataclasses.replace(base.audio_decoder, conv_right=0)
    else:
        ear = dataclasses.replace(base.audio_encoder, conv_right=conv_right[0])
        context = dataclasses.replace(base.audio_decoder, conv_right=conv_right[1])
    config = dataclasses.replace(base, audio_encoder=ear, audio_decoder=context, text_decoder=context)
    return PMMTalk(config, dropout=dropout)


def fit_weights(model: PMMTalk, state: dict[str, Tensor]) -> None:
    """Loads the weights of a model with other modalities, another look-ahead or other numbers of layers.

    The fusion layer's columns go where their modality went; those of a new modality start at zero. Taps
    beyond the look-ahead are cut, new ones start at zero. Blocks of ψ_AE that saw ahead each for itself
    become those that look ahead together. New blocks of ψ_AE start by handing on what they get; layers of
    ψ_PD that the model has no more are left out.
    """
    own = model.state_dict()
    blocks = conformer_blocks(model.audio_encoder) if hasattr(model, "audio_encoder") else {}
    if model.config.audio_encoder.look_ahead:
        state = _together(state, [f"audio_encoder.{name}" for name in blocks])
    state = {n: v for n, v in state.items() if n in own or not n.startswith("decoder.layers.")}
    for name in [n for n in state if n.endswith("depthwise.conv.weight") and n in own]:
        more = own[name].shape[-1] - state[name].shape[-1]
        state = {**state, name: nn.functional.pad(state[name], (0, more))}
    align, style = model.config.decoder.align_dim, model.config.style_dim
    present = [m for m in MODALITIES if f"{m}_align.linear.weight" in state]
    wide = torch.zeros_like(own[FUSE])
    for at, modality in enumerate(model.modalities):
        if modality in present:
            first = present.index(modality) * align
            wide[:, at * align : (at + 1) * align] = state[FUSE][:, first : first + align]
    wide[:, -style:] = state[FUSE][:, -style:]
    absent = tuple(f"{m}_" for m in MODALITIES if m not in model.modalities)
    kept = {n: v for n, v in state.items() if n in own or not n.startswith((*absent, *IMAGE_PARTS))}
    missing, unexpected = model.load_state_dict({**kept, FUSE: wide}, strict=False)
    new = [name for name in blocks if f"audio_encoder.{name}.norm.weight" not in state]
    known = (*IMAGE_PARTS, *(f"audio_encoder.{name}." for name in new))
    strangers = [n for n in missing if not n.startswith(known)]
    if strangers or unexpected:
        raise DataError(f"checkpoint does not fit: {(strangers + list(unexpected))[0]}")
    for (_, before), (name, block) in pairwise(blocks.items()):
        if name in new:
            hand_on(block, before.norm)


def _together(state: dict[str, Tensor], stacked: Sequence[str]) -> dict[str, Tensor]:
    """Gives the blocks of a ψ_AE that look ahead one by one the names that they have in a stack."""
    tail = ".attention_norm.weight"
    apart = [n.removesuffix(tail) for n in state if n.startswith("audio_encoder.") and n.endswith(tail)]
    if set(apart) <= set(stacked):
        return state
    names = dict(zip(sorted(apart, key=lambda n: int(n.rpartition(".")[2])), stacked, strict=False))
    block = re.compile(rf"({'|'.join(map(re.escape, names))})(?=\.)")
    return {block.sub(lambda found: names[found[1]], name): value for name, value in state.items()}


def keep_all_but_ear(model: PMMTalk, state: dict[str, Tensor]) -> None:
    """Loads the weights of all but ψ_AE, the blocks of ψ_AD and ψ_TD, and the image branch."""
    ear = ("audio_encoder.", "audio_decoder.", "text_decoder.stages.0.")
    fit_weights(model, model.state_dict() | {n: v for n, v in state.items() if not n.startswith(ear)})


def _open_fusion(model: PMMTalk, seed: int) -> None:
    """Lets the image branch in from the start, at a tenth of a usual initial scale."""
    weight = model.decoder.fuse.weight
    align = model.config.decoder.align_dim
    fresh = torch.randn(weight.shape[0], align, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        weight[:, image_columns(model)] = 0.1 * fresh * weight.shape[1] ** -0.5


def image_columns(model: PMMTalk) -> slice:
    """Where the image branch enters :data:`FUSE`."""
    align = model.config.decoder.align_dim
    first = model.modalities.index("image") * align
    return slice(first, first + align)


def weights_of(path: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint, or of a file of finished ones such as those shipped.

    Raises:
        CheckpointError: finished weights that cannot be used.
        DataError: there is no such checkpoint.
    """
    if path.suffix == ".safetensors":
        return load_model(path)[0].state_dict()
    try:
        average: dict[str, Tensor] = torch.load(path, weights_only=True)["average"]
    except OSError as error:
        raise DataError(f"{path}: no checkpoint (last.pt of a stage, or a .safetensors file)") from error
    return average


def prepare(run: Run, args: argparse.Namespace, pool: Pool) -> tuple[PMMTalk, Tensor]:
    """The model at the start of a stage, and the spread of the targets."""
    torch.manual_seed(run.seed)
    mean, spread = measure_spread(pool)
    model = new_model(run.modalities, conv_right=run.conv_right, look_ahead=run.look_ahead)
    if run.stage == "encoders":
        if args.recogniser:
            start_from_recogniser(model, args.recogniser)
        if args.start:
            (keep_all_but_ear if args.recogniser else fit_weights)(model, weights_of(args.start))
            return model, spread
        with torch.no_grad():
            model.decoder.curves.bias.copy_(mean[0])
            model.decoder.closure.bias.fill_(-2.0)
    else:
        fit_weights(model, weights_of(args.start or run.out / "encoders" / "last.pt"))
        if "image" in run.modalities:
            _open_fusion(model, run.seed)
            mouth = torch.load(run.out / "mouth" / "last.pt", weights_only=True)
            model.talking_head.load_state_dict(mouth["model"])
            model.reference_face.copy_(mouth["reference_face"])
        for name in ("audio_encoder", "text_decoder", "talking_head"):
            if hasattr(model, name):
                getattr(model, name).requires_grad_(False)
    return model, spread


def _in_16_bits(model: PMMTalk) -> None:
    """Products of matrices in bfloat16 within ``torch.autocast``, all else in 32 bits.

    Quicker on processors that know bfloat16. The spectrum's levels need more digits, and torch's fused
    attention for CPUs was slower in 16 bits than in 32.
    """

    def keep(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def in_32_bits(*given: Any, **options: Any) -> Tensor:
            with torch.autocast("cpu", enabled=False):
                return function(*(x.float() if isinstance(x, Tensor) else x for x in given), **options)

        return in_32_bits

    for stage in model.audio_encoder.stages:
        if isinstance(stage, (ConformerBlock, ConformerLookAhead)):
            break
        stage.forward = keep(stage.forward)
    for module in model.modules():
        if isinstance(module, CachedAttention):
            module.mix = keep(module.mix)  # type: ignore[method-assign]


def note_on_16_bits(capabilities: Mapping[str, Any]) -> str | None:
    """What to say where ``--half`` is no gain, or may be none.

    Args:
        capabilities: of :func:`torch.cpu.get_capabilities`.
    """
    if capabilities.get("architecture") != "x86_64" or capabilities.get("amx_bf16"):
        return None
    if capabilities.get("avx512_bf16"):
        return "--half: without AMX, 16 bits may be slower (1.4 times on one Xeon); time some steps without"
    return "--half: this processor has no bfloat16, which makes every step slower; leave it out"


def train(run: Run, args: argparse.Namespace, processes: Processes) -> None:
    """Runs a stage to its end, or onward from its last checkpoint."""
    folder = run.folder()
    folder.mkdir(parents=True, exist_ok=True)
    # Clips with nothing but a lesson teach the phones, which are frozen in the last stage.
    pool = make_pool(run.corpus, "train", run.source_weights, lessons=run.stage == "encoders")
    model, spread = prepare(run, args, pool)
    if run.half:
        _in_16_bits(model)
    if run.compiled:
        for module in model.modules():
            if isinstance(module, FeedForward):
                module.compile(dynamic=False)
    # Training only: asks ψ_AD for the phones, and for what the teachers heard.
    asked = len(PHONES) + FEATURES
    probe = nn.Linear(model.config.audio_decoder.dim, asked) if run.stage == "encoders" else None
    if probe is not None:
        # Random answers would be so wrong at first that nothing but them would be learnt.
        nn.init.zeros_(probe.weight)
        nn.init.zeros_(probe.bias)
    trained = [p for m in (model, probe) if m for p in m.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=run.lr, weight_decay=0.01, betas=(0.9, 0.98))
    average = Average(model, 0.999)
    start = 0
    last = folder / "last.pt"
    if last.exists():
        saved = torch.load(last, weights_only=True)
        model.load_state_dict(saved["model"])
        average.shadow = saved["average"]
        optimiser.load_state_dict(saved["optimiser"])
        if probe is not None:
            probe.load_state_dict(saved["probe"])
        start = saved["step"]
        print(f"resumed at step {start}", flush=True)
    processes.wait()  # all have read before one writes
    if processes.first:
        settings = dataclasses.asdict(run) | {"processes": processes.count}
        (folder / "run.json").write_text(json.dumps(settings, default=str, indent=1), encoding="utf-8")
        if run.half and (note := note_on_16_bits(torch.cpu.get_capabilities())):
            print(note, flush=True)
    tokens: list[Tensor] = []
    bands: HiddenBands | None = None
    if run.regularise:
        bands = HiddenBands(model.audio_encoder, np.random.default_rng(run.seed))
        drop_channels(model)
    if probe is not None:
        model.audio_decoder.register_forward_hook(lambda _m, _i, out: tokens.append(out))
    heard: list[Tensor] = []
    recogniser: RecogniserFeatures | None = None
    if probe is not None and run.weights.hearing:
        if not (args.recogniser and run.look_ahead):
            raise DataError(
                "--weigh hearing=… needs --recogniser FILE and --look-ahead 3: the same four blocks"
            )
        recogniser = RecogniserFeatures(args.recogniser)
        model.audio_encoder.register_forward_hook(lambda _m, _i, out: heard.append(out))

    sums: dict[str, float] = {}
    began = time.monotonic()
    numbers = itertools.count(start * processes.count + processes.rank, processes.count)
    feed = batches(pool, run.batch, run.seconds, run.seed, STYLE_SHARE, numbers)
    for step in range(start, run.steps):
        model.train()
        if hasattr(model, "talking_head"):
            model.talking_head.eval()
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, run.steps, run.lr)
        batch = next(feed)
        if probe is not None:
            draw = np.random.default_rng([run.seed, step * processes.count + processes.rank, 1])
            factor = draw.uniform(1 - STRETCH, 1 + STRETCH) if draw.random() < CHANCE else 1.0
            stretch_voices(model.audio_encoder, factor)
            if bands is not None:
                bands.rng = draw
        tokens.clear()
        heard.clear()
        style = model.styles[batch.style]
        with torch.autocast("cpu", torch.bfloat16, enabled=run.half):
            prediction = model.predict(batch.audio, style)
            answers = probe(tokens[0]).float() if probe is not None else None
        terms = all_terms(prediction.in_32_bits(), batch, spread)
        if answers is not None:
            phones, imitated = answers.split([len(PHONES), FEATURES], dim=-1)
            for name, value in phone_terms(phones, batch.phones, batch.teachers).items():
                terms[name] = terms[name] + value
            terms["distillation"] = distillation_term(imitated, batch.teachers)
        if recogniser is not None:
            with torch.no_grad():
                wanted = recogniser.blocks(batch.clean, half=run.half)[-1]
            terms["hearing"] = hearing_term(heard[0].float(), wanted)
        loss = total(terms, run.weights)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        share_gradients(trained, processes)
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        average.update(model, step)
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        done = step + 1
        if not processes.first:
            continue
        if done % args.report == 0:
            means = {k: round(v / args.report, 4) for k, v in sums.items()}
            rate = (time.monotonic() - began) / (done - start)
            line = {"step": done, "s_per_step": round(rate, 3), **means}
            print(json.dumps(line), flush=True)
            with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            sums.clear()
        if done % args.save == 0 or done == run.steps:
            state: dict[str, Any] = {
                "model": model.state_dict(),
                "average": average.shadow,
                "optimiser": optimiser.state_dict(),
                "step": done,
            }
            if probe is not None:
                state["probe"] = probe.state_dict()
            with whole_file(last) as partial:
                torch.save(state, partial)


def share_gradients(parameters: Sequence[nn.Parameter], processes: Processes) -> None:
    """Every process goes on with the mean of all gradients."""
    if processes.count == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    mean = processes.add_up(torch.cat([g.flatten() for g in gradients])) / processes.count
    parts = torch.split(mean, [g.numel() for g in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def _weighed(text: str) -> tuple[str, float]:
    name, _, weight = text.partition("=")
    if name not in Weights.__dataclass_fields__:
        raise argparse.ArgumentTypeError(f"{name}: no such term; there are {', '.join(Weights.__slots__)}")
    return name, float(weight)


def main() -> None:
    """Command line of the recipe."""
    parser = argparse.ArgumentParser(prog="python -m pmmlink.train.compact", description=__doc__)
    parser.add_argument("stage", choices=["encoders", "fuse"])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recogniser", type=Path, help="asr_waveform.hama of hama 1.7.0")
    parser.add_argument(
        "--start", type=Path, help="checkpoint or weights to start from; with --recogniser all but the ear"
    )
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=6.4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--half", action="store_true", help="multiply in 16 bits (processors with bfloat16)")
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile the feed-forward layers: needs a C++ compiler and a minute at first, then is quicker",
    )
    parser.add_argument(
        "--regularise", action="store_true", help="encoders: drop channels and hide bands of the spectrum"
    )
    ahead = parser.add_mutually_exclusive_group()
    ahead.add_argument("--conv-right", type=int, nargs=2, default=(1, 1), metavar=("ψ_AE", "ψ_AD"))
    ahead.add_argument(
        "--look-ahead", type=int, default=0, metavar="TOKENS", help="blocks of ψ_AE look ahead together (3)"
    )
    parser.add_argument("--without", action="append", default=[], choices=["audio", "text", "image"])
    parser.add_argument("--without-loss", action="append", default=[])
    parser.add_argument("--weigh", action="append", default=[], type=_weighed, metavar="TERM=WEIGHT")
    parser.add_argument("--report", type=int, default=25)
    parser.add_argument("--save", type=int, default=250)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)  # gradients of sure answers are full of them, and each is slow
    weights = dataclasses.replace(Weights(), **{**dict(args.weigh), **dict.fromkeys(args.without_loss, 0.0)})
    present = ("audio", "text") if args.stage == "encoders" else ("audio", "text", "image")
    run = Run(
        stage=args.stage,
        corpus=args.corpus,
        out=args.out,
        steps=args.steps,
        lr=args.lr,
        batch=args.batch,
        seconds=args.seconds,
        seed=args.seed,
        weights=weights,
        modalities=tuple(m for m in present if m not in args.without),
        source_weights=SOURCE_WEIGHTS,
        conv_right=tuple(args.conv_right),
        look_ahead=args.look_ahead,
        half=args.half,
        compiled=args.compile,
        regularise=args.regularise and args.stage == "encoders",
    )
    try:
        with join_processes("cpu") as processes:
            train(run, args, processes)
    except PmmlinkError as error:
        raise SystemExit(f"pmmlink: {error}") from None


if __name__ == "__main__":
    main()
