"""Files that a job would make, but that somebody may have put there by hand: raw files.

From private parts of Snakemake, which is pinned below 10.
"""

from pathlib import Path

from snakemake.io import is_flagged
from snakemake.rules import Rule
from snakemake.workflow import Workflow


def keep_given_files(workflow: Workflow) -> None:
    """Let `snakemake --delete-all-output` take given files for what they may be, and leave those that are there."""
    delete, build = workflow.delete_output, workflow._build_dag

    def build_around_given_files() -> None:
        index = workflow.dag.output_index
        producers = index.match_producers
        index.match_producers = lambda file: {rule for rule in producers(file) if not is_given_by(rule, file)}
        build()

    def delete_but_given_files(**options: bool) -> None:
        workflow._build_dag = build_around_given_files
        delete(**options)

    workflow.delete_output = delete_but_given_files


def is_given_by(rule: Rule, file: str) -> bool:
    """Whether a file is there that a rule makes only where it is not."""
    return Path(file).exists() and any(is_flagged(output, "update") for output in rule.output)
