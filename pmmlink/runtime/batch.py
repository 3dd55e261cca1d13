"""Many bakes, several at a time, each file on its own."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from queue import Empty
from typing import Any

from pmmlink.errors import PmmlinkError, RuntimeFault
from pmmlink.runtime.bake import BakeResult, bake_file
from pmmlink.runtime.base import Animator
from pmmlink.runtime.worklist import Job, Settings

_MOST_WORKERS = 61
"""Windows can wait for no more processes at once."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: a result or an error."""

    job: Job
    result: BakeResult | None = None
    error: PmmlinkError | None = None


def run(
    jobs: Sequence[Job], settings: Settings, workers: int, on_progress: Callable[[Job, float], None]
) -> Generator[Outcome]:
    """Bake all jobs; outcomes come as they are ready. An error in one file does not touch the others.

    Closing the iterator stops the work and leaves nothing half-written.

    Args:
        jobs: what to bake.
        settings: how.
        workers: processes; 1 bakes in this one.
        on_progress: told of a job the seconds of sound done.
    """
    if workers == 1 or len(jobs) <= 1:
        baker = _Baker(settings)
        for job in jobs:
            yield baker.bake(job, lambda seconds, job=job: on_progress(job, seconds))  # type: ignore[misc]
        return
    yield from _run_in_processes(jobs, settings, min(workers, len(jobs)), on_progress)


def _run_in_processes(
    jobs: Sequence[Job], settings: Settings, workers: int, on_progress: Callable[[Job, float], None]
) -> Generator[Outcome]:
    # spawn everywhere, as on Windows: a forked torch may hang.
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    stop = context.Event()
    workers = min(workers, _MOST_WORKERS)
    pool = ProcessPoolExecutor(workers, context, _start_worker, (settings, reports, stop))
    try:
        pending: dict[Future[Outcome], Job] = {pool.submit(_work, i, job): job for i, job in enumerate(jobs)}
        while pending:
            finished, _ = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
            _drain(reports, jobs, on_progress)
            for future in finished:
                job = pending.pop(future)
                fault = future.exception()
                if fault is None:
                    yield future.result()
                else:
                    yield Outcome(job, error=RuntimeFault(f"{job.source}: a worker process died ({fault})"))
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _drain(reports: Any, jobs: Sequence[Job], on_progress: Callable[[Job, float], None]) -> None:
    try:
        while True:
            index, seconds = reports.get_nowait()
            on_progress(jobs[index], seconds)
    except Empty:
        return


class _Baker:
    """Bakes jobs with one model, loaded when the first file needs it."""

    def __init__(self, settings: Settings, stopped: Callable[[], bool] = lambda: False) -> None:
        self._settings = settings
        self._stopped = stopped
        self._animator: Animator | None = None

    def bake(self, job: Job, on_progress: Callable[[float], None]) -> Outcome:
        settings = self._settings
        try:
            if self._animator is None:
                from pmmlink.model.animator import load_animator

                self._animator = load_animator(settings.weights, settings.style, settings.threads)
            result = bake_file(
                job.source,
                job.out,
                animator=self._animator,
                fps=settings.fps,
                profile=settings.profile,
                subject=settings.subject,
                on_progress=on_progress,
                stopped=self._stopped,
            )
        except PmmlinkError as error:
            return Outcome(job, error=error)
        except Exception as fault:
            return Outcome(job, error=RuntimeFault(f"{job.source}: {fault!r}"))
        return Outcome(job, result)


# ---- inside a worker process

_baker: _Baker | None = None
_reports: Any = None


def _start_worker(settings: Settings, reports: Any, stop: Any) -> None:
    global _baker, _reports
    # Ctrl-C reaches every process of a terminal; the parent answers it and sets the stop mark.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _baker, _reports = _Baker(settings, stop.is_set), reports


def _work(index: int, job: Job) -> Outcome:
    if _baker is None:
        raise RuntimeFault("the worker was not started by its pool")
    return _baker.bake(job, lambda seconds: _reports.put((index, seconds)))
