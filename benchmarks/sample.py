"""The shipped sample as the shipped weights hear it: closures counted, and a picture with the phones.

python benchmarks/sample.py -o docs/images/sample.png

The phones come from PocketSphinx (extra ``train``), which is right to about 20 ms.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pmmlink.eval.adapter import AnimatorModel
from pmmlink.eval.plot import draw_take
from pmmlink.eval.speech import measure, summarise
from pmmlink.resources import sample_speech
from pmmlink.train.corpus.base import read_audio, tile
from pmmlink.train.corpus.edges import trim_edges
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.types import SAMPLE_RATE_HZ

TEXT = (
    "hello and welcome my lips move in real time big blue bubbles a warm summer breeze five very "
    "fine violins now i pause for a moment and with open eyes above our happy home we watch the moon"
)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="picture to write")
    parser.add_argument("--weights", type=Path, help="other weights than the shipped ones")
    args = parser.parse_args()
    audio = read_audio(sample_speech())
    found = SphinxAligner().align(audio, TEXT.split())
    timed = trim_edges(tile(found.phones, len(audio) / SAMPLE_RATE_HZ), audio)
    phones = [(phone.phone, phone.start_s, phone.end_s) for phone in timed]
    curves = AnimatorModel(args.weights).predict(audio)
    for name, figure in summarise([measure(curves, phones)]).items():
        print(f"{name:26} {figure.value:6.3f}  over {figure.count}")
    if args.output:
        draw_take(args.output, curves, phones, audio, "pmmlink play --sample")


if __name__ == "__main__":
    main()
