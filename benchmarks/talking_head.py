"""How well the talking head paints mouths of clips that it has not seen: pictures and lip landmarks.

python benchmarks/talking_head.py --corpus corpus --run runs/a --picture docs/images/talking_head.png

The two inner-lip landmarks are read from a picture by ridge regression: its difference from the resting
face of the same person → the lip gap in mm, learnt on true renders of training clips. Its error on true
renders of unseen clips is the floor; the error on painted ones is the talking head's landmark error.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pmmlink.lips import lip_gap_mm
from pmmlink.model.config import PMMTalkConfig
from pmmlink.model.talking_head import TalkingHead
from pmmlink.train.batches import piece_of
from pmmlink.train.mouth import SIZE, Gallery, measure

_ROWS, _COLUMNS = slice(SIZE // 4, SIZE * 3 // 4), slice(SIZE // 5, SIZE * 4 // 5)


def seen(images: torch.Tensor, references: torch.Tensor) -> np.ndarray:
    """``[n, D]`` what a landmark reader sees of ``[n, 3, S, S]``: grey differences from the resting face."""
    moved = (images - references).mean(1)[:, _ROWS, _COLUMNS]
    flat = moved.flatten(1).numpy().astype(np.float64)
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)


def collect(gallery: Gallery, generator: TalkingHead, most: int) -> tuple[np.ndarray, ...]:
    """What is seen of true, painted and resting faces, and the true gaps in mm, over rendered clips."""
    true, painted, still, gaps = [], [], [], []
    rendered = [e for e in gallery.entries if e[0].style == "default"][:most]
    for clip, frames, pictures, reference in rendered:
        audio = clip.load_audio()
        with torch.inference_mode():
            windows = gallery.windows(torch.from_numpy(audio)[None, :, None])
            usable = frames < windows.shape[1]
            rest = torch.from_numpy(reference).permute(2, 0, 1).float()[None] / 255
            images = torch.from_numpy(pictures[usable]).permute(0, 3, 1, 2).float() / 255
            drawn = generator(windows[:, frames[usable]], generator.encode_face(rest))[0]
        true.append(seen(images, rest))
        painted.append(seen(drawn, rest))
        still.append(seen(rest.expand_as(images), rest))
        gaps.append(lip_gap_mm(piece_of(clip, audio, 1.0, None).curves[frames[usable]]))
    return tuple(np.concatenate(part) for part in (true, painted, still, gaps))


def draw(gallery: Gallery, generator: TalkingHead, path: Path, clips: int = 6, shots: int = 10) -> None:
    """Pairs of rows, one pair a clip: the reference and true pictures, then the painted ones."""
    windows, images, references = gallery.batch(np.random.default_rng(2), clips, shots, clean=True)
    with torch.inference_mode():
        painted = generator(windows, generator.encode_face(references))
    rows = [
        torch.cat([reference[None], shown]).permute(2, 0, 3, 1).flatten(1, 2)
        for reference, *both in zip(references, images, painted, strict=True)
        for shown in both
    ]
    pixels = (torch.cat(rows) * 255).round().to(torch.uint8).numpy()
    picture = Image.fromarray(pixels)
    picture.resize((picture.width * 3 // 2, picture.height * 3 // 2), Image.Resampling.LANCZOS).save(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=300, help="most clips to learn the reader from")
    parser.add_argument("--picture", type=Path, help="also draw true and painted mouths, FILE.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    generator = TalkingHead(PMMTalkConfig().talking_head)
    generator.load_state_dict(torch.load(args.run / "mouth" / "last.pt", weights_only=True)["model"])
    generator.eval()
    pictures = args.run / "mouth" / "pictures.npz"
    unseen = Gallery(args.corpus, pictures, "dev")
    true, _, _, gaps = collect(Gallery(args.corpus, pictures, "train"), generator, args.clips)
    reader = np.linalg.solve(true.T @ true + 3.0 * np.eye(true.shape[1]), true.T @ gaps)
    true, painted, still, gaps = collect(unseen, generator, args.clips)
    print(f"{len(gaps)} pictures of unseen clips, lip gap {gaps.mean():.2f} ± {gaps.std():.2f} mm")
    for name, faces in (("true", true), ("painted", painted), ("resting face", still)):
        read = faces @ reader
        r = np.corrcoef(read, gaps)[0, 1] if read.std() > 1e-6 else float("nan")
        print(f"{name:13} landmark error {np.abs(read - gaps).mean():5.2f} mm, r {r:5.2f}")
    print(", ".join(f"{name} {value}" for name, value in measure(generator, unseen).items()))
    if args.picture:
        draw(unseen, generator, args.picture)


if __name__ == "__main__":
    main()
