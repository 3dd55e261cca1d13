"""Builds the corpus: resumable, cached by content, one bad clip never stops the rest.

Layout, for each source::

    OUT/<source>/audio/<id>.flac     16 kHz, mono, 16 bit
    OUT/<source>/labels/<id>.npy     measured curves, where there are any
    OUT/<source>/manifest.jsonl      one line per clip
    OUT/<source>/failed.jsonl        clips that could not be made, and why

Sound and labels are written under a temporary name and renamed; the manifest line comes last and in
one write. A process killed anywhere leaves at most a cut last line, which the next run trims.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError, PmmlinkError, RuntimeFault
from pmmlink.train.corpus.base import Job, Made, Source
from pmmlink.train.corpus.reader import MANIFEST, read_lines
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray
from pmmlink.whole_file import whole_file

BUILDER_VERSION = 1
"""Raised when the builder itself changes what it writes; every clip is then made again."""

FAILED = "failed.jsonl"

Report = Callable[[str, str], None]
"""Called with the job's id and ``made``, ``cached`` or the reason of a failure."""


@dataclass(slots=True)
class Tally:
    """What a build did with one source.

    Attributes:
        made: clips made now.
        cached: clips found as they should be.
        failed: id → reason, of now and of earlier runs with the same content.
        dropped: clips marked as the worst aligned.
    """

    made: int = 0
    cached: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    dropped: int = 0


def build_source(
    source: Source,
    material: Path,
    out: Path,
    *,
    jobs: int = 1,
    limit: int | None = None,
    report: Report | None = None,
    started: Callable[[int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Tally:
    """Brings one source of the corpus up to date.

    Args:
        source: what to build.
        material: folder of the downloaded material.
        out: folder of the corpus.
        jobs: worker processes; 1 works in this one.
        limit: make only the first clips.
        report: told about every clip.
        started: told the number of clips before the first.
        say: told what a source does before its clips.

    Raises:
        DataError: the material or the engine is missing.
        RuntimeFault: the corpus cannot be written, e.g. a full disk.
    """
    source.prepare(material, out, say or (lambda _note: None))
    todo_all = list(islice(source.jobs(material), limit))
    if started is not None:
        started(len(todo_all))
    folder = out / source.name
    tally = Tally()
    tell: Report = report if report is not None else _silent
    try:
        (folder / "audio").mkdir(parents=True, exist_ok=True)
        (folder / "labels").mkdir(exist_ok=True)
        manifest = _Journal(folder / MANIFEST)
        failed = _Journal(folder / FAILED)
        pending: list[tuple[Job, str]] = []
        source_key = f"{BUILDER_VERSION}:{source.name}:{source.version}"
        for job in todo_all:
            try:
                key = job.content_key(source_key)
            except DataError as error:
                # No key: whatever is there next time is tried.
                failed.put({"id": job.id, "key": None, "reason": str(error)})
                tally.failed[job.id] = str(error)
                tell(job.id, str(error))
                continue
            if manifest.key(job.id) == key and (folder / "audio" / f"{job.id}.flac").is_file():
                tally.cached += 1
                tell(job.id, "cached")
            elif failed.key(job.id) == key:
                manifest.forget(job.id)  # what an older builder made of it, if this one was interrupted
                tally.failed[job.id] = failed.records[job.id]["reason"]
                tell(job.id, tally.failed[job.id])
            else:
                pending.append((job, key))
        for job, key, outcome in _make_all(source, pending, jobs):
            if isinstance(outcome, PmmlinkError):
                reason = " ".join(str(outcome).split())
                manifest.forget(job.id)
                failed.put({"id": job.id, "key": key, "reason": reason})
                tally.failed[job.id] = reason
                tell(job.id, reason)
            else:
                manifest.put(_write_clip(folder, source, job, key, outcome))
                failed.forget(job.id)
                tally.made += 1
                tell(job.id, "made")
        if limit is None:
            manifest.keep_only({job.id for job in todo_all})
        tally.dropped = mark_worst(manifest, source.drop_fraction)
        manifest.compact()
        failed.compact()
    except OSError as error:
        raise _write_fault(folder, error) from error
    return tally


def _silent(_clip_id: str, _outcome: str) -> None:
    return None


def _write_fault(folder: Path, error: OSError) -> RuntimeFault:
    where = error.filename or folder
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return RuntimeFault(
            f"{where}: the disk is full; free some space and run the same command again to go on"
        )
    return RuntimeFault(
        f"{where}: cannot write the corpus ({error.strerror or error}); mend it and run again to go on"
    )


def _make_one(source: Source, job: Job) -> Made | PmmlinkError:
    """Makes and checks one clip; the error of a bad clip is a result, not a stop."""
    try:
        made = source.make(job)
        _check(job, made)
    except RuntimeFault:
        raise
    except PmmlinkError as error:
        return error
    return made


def _check(job: Job, made: Made) -> None:
    if made.samples.ndim != 1 or made.samples.size == 0 or not np.isfinite(made.samples).all():
        raise DataError(f"{job.id}: the sound is empty or holds values that are not numbers")
    if np.abs(made.samples).max() < 1e-4:
        raise DataError(f"{job.id}: the sound is silent")
    if made.labels is not None and (made.labels.ndim != 2 or made.labels.shape[1] != len(MODEL_32)):
        raise DataError(f"{job.id}: labels of shape {made.labels.shape}, expected [T, {len(MODEL_32)}]")


def _make_all(
    source: Source, pending: list[tuple[Job, str]], jobs: int
) -> Iterator[tuple[Job, str, Made | PmmlinkError]]:
    if jobs <= 1:
        for job, key in pending:
            yield job, key, _make_one(source, job)
        return
    # Spawned, not forked: speech engines do not survive a fork, and Windows has none.
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_adopt, initargs=(source,)) as pool:
        queue = iter(pending)
        running: dict[Future[Made | PmmlinkError], tuple[Job, str]] = {}
        # A bounded window: results wait on the disk, never in memory.
        for job, key in islice(queue, 4 * jobs):
            running[pool.submit(_make_in_worker, job)] = (job, key)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job, key = running.pop(future)
                yield job, key, future.result()
                for more, more_key in islice(queue, 1):
                    running[pool.submit(_make_in_worker, more)] = (more, more_key)


_worker: dict[str, Source] = {}
"""The source that this worker process serves, so that its engine is loaded once."""


def _adopt(source: Source) -> None:
    _worker["source"] = source
    # A builder that is killed tells its workers nothing: they would wait for work for ever.
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _make_in_worker(job: Job) -> Made | PmmlinkError:
    return _make_one(_worker["source"], job)


def _write_flac(path: Path, samples: FloatArray) -> None:
    scaled = np.clip(np.round(samples * 32767.0), -32768, 32767).astype(np.int16)
    # Written through a file of our own, so that a full disk is an OSError and not libsndfile's text.
    with whole_file(path) as partial, partial.open("wb") as file:
        try:
            soundfile.write(file, scaled, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
        except soundfile.LibsndfileError as error:
            raise OSError(errno.ENOSPC, str(error), str(path)) from error


def _write_clip(folder: Path, source: Source, job: Job, key: str, made: Made) -> dict[str, Any]:
    audio = f"audio/{job.id}.flac"
    _write_flac(folder / audio, made.samples)
    labels = None
    if made.labels is not None:
        labels = f"labels/{job.id}.npy"
        with whole_file(folder / labels) as partial, partial.open("wb") as file:
            np.save(file, made.labels.astype(np.float32))
    stress = None
    if made.phones is not None and any(segment.stress is not None for segment in made.phones):
        stress = [segment.stress for segment in made.phones]
    return {
        "id": job.id,
        "source": source.name,
        "speaker": job.speaker,
        "sex": job.sex,
        "age": job.age,
        "language": job.language,
        "split": job.split,
        "audio": audio,
        "samples": int(made.samples.size),
        "text": job.text if made.text is None else made.text,
        "phones": None if made.phones is None else [[s.phone, s.start_s, s.end_s] for s in made.phones],
        "stress": stress,
        "labels": labels,
        "style": job.style,
        "align_score": made.align_score,
        "aligner": made.aligner,
        "licence": job.licence or source.licence,
        "key": key,
    }


class _Journal:
    """A JSON-lines file of records with an ``id``: appended to while working, rewritten at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.records: dict[str, dict[str, Any]] = {}
        lines = read_lines(path)
        for record in lines:
            self.records[record["id"]] = record
        ends_well = not path.exists() or path.stat().st_size == 0 or path.read_bytes().endswith(b"\n")
        self._dirty = len(lines) != len(self.records) or not ends_well
        # A cut or doubled line is trimmed before anything is appended after it.
        self.compact()

    def key(self, clip_id: str) -> str | None:
        record = self.records.get(clip_id)
        return None if record is None else record.get("key")

    def put(self, record: dict[str, Any]) -> None:
        # A record of the same id stays until the end: a reader takes the last line, the corpus stays whole.
        self._dirty = self._dirty or record["id"] in self.records
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        with self._path.open("ab", buffering=0) as file:
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        self.records[record["id"]] = record

    def forget(self, clip_id: str) -> None:
        if self.records.pop(clip_id, None) is not None:
            self._dirty = True

    def keep_only(self, ids: set[str]) -> None:
        for clip_id in set(self.records) - ids:
            self.forget(clip_id)

    def touch(self) -> None:
        self._dirty = True

    def compact(self) -> None:
        """Rewrites the file when records were changed in memory."""
        if not self._dirty:
            return
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in self.records.values())
        with whole_file(self._path) as partial:
            partial.write_bytes(text.encode())
        self._dirty = False


def mark_worst(manifest: _Journal, fraction: float) -> int:
    """Marks the worst aligned ``fraction`` of the clips of each aligner as dropped; returns how many.

    Scores of two aligners are on two scales, hence by aligner.
    """
    by_aligner: dict[str, list[dict[str, Any]]] = {}
    for record in manifest.records.values():
        if record["align_score"] is not None:
            by_aligner.setdefault(str(record.get("aligner")), []).append(record)
    marked = 0
    for records in by_aligner.values():
        records.sort(key=lambda record: (record["align_score"], record["id"]))
        worst = int(len(records) * fraction)
        for position, record in enumerate(records):
            drop = position < worst
            marked += drop
            if bool(record.get("dropped", False)) != drop:
                record["dropped"] = drop
                manifest.touch()
    return marked
