"""The sources of the corpus, in the order in which they are built."""

from __future__ import annotations

from pmmlink.train.corpus.asterisk import AsteriskEnglish, AsteriskForeign
from pmmlink.train.corpus.base import Source
from pmmlink.train.corpus.espeak import Espeak
from pmmlink.train.corpus.facegood import Facegood
from pmmlink.train.corpus.festival import Festival
from pmmlink.train.corpus.flite import Flite
from pmmlink.train.corpus.grid import Grid
from pmmlink.train.corpus.hibari import Hibari
from pmmlink.train.corpus.kerstin import Kerstin
from pmmlink.train.corpus.kokoro import Kokoro, KokoroWide
from pmmlink.train.corpus.librivox import Librivox
from pmmlink.train.corpus.piper import PiperJoe, PiperJoeWide
from pmmlink.train.corpus.readings import Readings
from pmmlink.train.corpus.speechocean import Speechocean
from pmmlink.train.corpus.speechocean_untimed import SpeechoceanUntimed


def all_sources() -> dict[str, Source]:
    """Name → source."""
    sources: list[Source] = [
        *(Grid(), Facegood(), Flite(), Hibari(), Kokoro(), KokoroWide()),
        *(PiperJoe(), PiperJoeWide(), Espeak(), Festival()),
        # These need the aligner, which learns from those above.
        *(Speechocean(), SpeechoceanUntimed(), Kerstin(), AsteriskEnglish(), Librivox(), Readings()),
        *(AsteriskForeign("fr", "fr_CA_f_June", "f"), AsteriskForeign("it", "it_IT_m_Carlo", "m")),
    ]
    return {source.name: source for source in sources}
