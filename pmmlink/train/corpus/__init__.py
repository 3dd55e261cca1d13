"""The training corpus: one module per source, one builder, one reader.

A *source* (:class:`~pmmlink.train.corpus.base.Source`) lists jobs and turns each into sound, phones
and labels. The *builder* writes them as FLAC and one manifest line each, and can be stopped and
started at will. The *reader* gives the manifest back as :class:`~pmmlink.train.corpus.reader.Clip`.
"""
