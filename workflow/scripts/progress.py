"""A line for each finished job of a run: what is done of what, and about how long is left."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pandas as pd
from snakemake.jobs import Job
from snakemake.logging import logger
from snakemake.workflow import Workflow
from snakemake_interface_logger_plugins.common import LogEvent

SHARE_OF_LIMIT = 1 / 300  # of the run time that its rule asks for, where a job has never been measured here
LEAST_SHARE = 0.02  # of the expected work must be done before what is left is guessed from it
ALONE = "LUNGFUSE_BRIEF"  # the variable with which these lines stand for Snakemake's own about jobs that go well
OWN_LINES = {LogEvent.JOB_STARTED, LogEvent.JOB_INFO, LogEvent.JOB_FINISHED, LogEvent.PROGRESS}


class Progress(logging.Handler):
    """Listens to Snakemake's log and prints to standard error.

    The work of a job is what it took the last time, as its benchmark says, or a share of its limit. What is left is
    what the same amount of work has taken in this run, so that the machine's pace and its number of cores are counted.
    """

    def __init__(self, workflow: Workflow):
        super().__init__()
        jobs = [job for job in workflow.dag.needrun_jobs() if not job.is_norun]
        self.work = {job.jobid: expected_seconds(job) for job in jobs}
        self.messages = {job.jobid: job.message or job.rule.name for job in jobs}
        self.number, self.whole = len(jobs), sum(self.work.values())
        self.start = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Print while the block lasts."""
        terminals = [handler for handler in logger.handlers if ALONE in os.environ and is_terminal(handler)]
        logger.addHandler(self)
        for handler in terminals:
            handler.addFilter(is_of_no_job)
        try:
            yield
        finally:
            logger.removeHandler(self)
            for handler in terminals:
                handler.removeFilter(is_of_no_job)

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "event", None) == LogEvent.JOB_FINISHED and self.work.pop(record.job_id, None) is not None:
            print(self.line(self.messages[record.job_id]), file=sys.stderr, flush=True)

    def line(self, finished: str) -> str:
        """The state of the run after a job."""
        passed, left = time.monotonic() - self.start, sum(self.work.values())
        done = self.whole - left
        guess = f", about {minutes(passed * left / done)} left" if self.work and done > LEAST_SHARE * self.whole else ""
        return f"{self.number - len(self.work)} of {self.number} jobs in {minutes(passed)}{guess}: {finished}"


def expected_seconds(job: Job) -> float:
    """What a job took when it ran here last, or a share of its limit."""
    if job.benchmark and Path(job.benchmark).exists():
        return float(pd.read_csv(job.benchmark, sep="\t")["s"].iloc[0])
    return 60 * job.resources["runtime"] * SHARE_OF_LIMIT


def is_terminal(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler)


def is_of_no_job(record: logging.LogRecord) -> bool:
    """Whether a record is of something else than a job that goes well."""
    return getattr(record, "event", None) not in OWN_LINES and record.msg != "Select jobs to execute..."


def minutes(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    shown = str(timedelta(seconds=round(seconds)))
    return shown.removeprefix("0:").removeprefix("0")
