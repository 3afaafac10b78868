"""Say what a run would ask of a cluster, from a dry run: submissions, GPUs, memory and hours.

python workflow/scripts/plan.py --profile profiles/slurm --config study=openi

All options are those of snakemake. Hours are the time limits, which are above what the jobs take.
"""

import logging
import re
import sys

from snakemake.cli import main as snakemake
from snakemake.dag import DAG
from snakemake.jobs import AbstractJob
from snakemake.logging import logger
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry
from snakemake_interface_logger_plugins.common import LogEvent
from tabulate import tabulate

COLUMNS = ["submission", "number", "jobs", "threads", "GPUs", "memory (GB)", "hours each", "hours", "GPU hours"]


class KeepGraph(logging.Filter):
    """Keeps the graph of jobs of a dry run, and lets nothing but errors be printed.

    It is called with each group of jobs, and every rule that is submitted has one.
    """

    graph: DAG | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "event", None) == LogEvent.GROUP_INFO:
            self.graph = next(iter(record.jobs)).dag
        return record.levelno >= logging.ERROR


def main() -> None:
    if not sys.argv[1:] or {"-h", "--help"} & set(sys.argv):
        sys.exit(__doc__)
    dry_run = KeepGraph()
    logger.addFilter(dry_run)
    try:
        snakemake([*sys.argv[1:], "--dry-run", "--cores", "9999"])  # fewer would cut what the jobs ask for
    except SystemExit as ended:
        if ended.code:
            raise
    print(page(dry_run.graph) if dry_run.graph else "No jobs to submit.")


def page(graph: DAG) -> str:
    """What the jobs to run ask for, a line for each kind of submission."""
    # A dry run takes every job for a local one.
    graph.workflow._executor_plugin = ExecutorPluginRegistry().get_plugin("slurm")
    jobs = [job for job in graph.jobs if graph.needrun(job)]
    kinds: dict[str, set[AbstractJob]] = {}
    for job in jobs:
        submission = graph.get_job_group(job) or job
        submission._resources = None
        if not job.is_local:
            kinds.setdefault(kind(submission), set()).add(submission)
    rows = [line(kind, list(members)) for kind, members in sorted(kinds.items())]
    total = ["total", *(sum(row[column] for row in rows) for column in [1, 2]), "", "", "", ""]
    total += [sum(row[column] for row in rows) for column in [7, 8]]
    table = tabulate([*rows, total], headers=COLUMNS, floatfmt=".1f", tablefmt="github")
    return f"{table}\n\n{len(jobs) - total[2]} more jobs run where snakemake runs."


def line(kind: str, members: list[AbstractJob]) -> list:
    """A line of the table; submissions of one kind ask for the same, but for the number of their jobs."""
    asked = [member.resources for member in members]
    hours = [resources["runtime"] / 60 for resources in asked]
    gpus = [resources.get("gpu", 0) for resources in asked]
    memory = max(resources["mem_mb"] for resources in asked) / 1000
    threads = max(resources["_cores"] for resources in asked)
    gpu_hours = sum(number * time for number, time in zip(gpus, hours, strict=True))
    jobs = sum(len(list(member)) if member.is_group() else 1 for member in members)
    return [kind, len(members), jobs, threads, max(gpus), memory, max(hours), sum(hours), gpu_hours]


def kind(submission: AbstractJob) -> str:
    """The name of a submission, with `<k>` for its fold."""
    name = submission.groupid if submission.is_group() else submission.rule.name
    return re.sub(r"fold\d+$", "fold<k>", name)


if __name__ == "__main__":
    main()
