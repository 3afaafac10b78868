"""Write what decides each stage of a study, so that DVC runs a stage again when it changes, and no other.

python workflow/scripts/dvc_plan.py --study openi    # data/plan/openi/<stage>.json, as the stage `plan` does

For each job of a stage its file holds the settings, a digest of the shell command of its rule, and one of the modules
that its code imports.
"""

import argparse
import hashlib
import re
import shutil
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this folder's own code, whichever is installed

import dvc_graph
from dvc_stage import PLANS, Stage, as_text, stages_of

from lungfuse.errors import UserError
from lungfuse.files import atomic_write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", required=True)
    study = parser.parse_args().study
    write_plans(study, stages_of_study(study))


def stages_of_study(study: str) -> list[Stage]:
    """The stages of a study as its settings have them."""
    plan = dvc_graph.plan_of(study)
    return stages_of(study, dvc_graph.jobs_of(plan), dvc_graph, dvc_graph.params())


def plan_text(stage: Stage) -> str:
    """What decides the jobs of a stage, as JSON."""
    return as_text(entries(stage))


def entries(stage: Stage) -> dict[str, dict]:
    """What decides each job of a stage, by its first output."""
    return {
        job.outputs[0]: {
            "rule": job.rule,
            "command": commands()[job.rule],
            "code": digest(tuple(sorted(job.code))),
            "settings": job.settings,
        }
        for job in stage.jobs
    }


def write_plans(study: str, stages: list[Stage]) -> None:
    """Write the plans of all stages of a study, remove those of others, and leave alone what stays the same."""
    folder, texts = PLANS / study, plan_texts(stages)
    for path in set(folder.glob("*")) - set(texts):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path, text in texts.items():
        if not is_written(path, text):
            with atomic_write(path) as stream:
                stream.write(text)


def plan_texts(stages: list[Stage]) -> dict[Path, str]:
    """The file of each stage's plan, with what it says."""
    return {Path(stage.plan): plan_text(stage) for stage in stages if stage.plan}


def is_written(path: Path, text: str) -> bool:
    """Whether a file says so."""
    return path.exists() and path.read_text(encoding="utf-8") == text


def plans_are_written(stages: list[Stage]) -> bool:
    """Whether the files of plans are as they would be written."""
    return all(is_written(path, text) for path, text in plan_texts(stages).items())


@cache
def digest(files: tuple[str, ...]) -> str:
    """A digest of the names and contents of files."""
    found = hashlib.sha256()
    for file in files:
        found.update(f"{file} {_content(file)}\n".encode())
    return found.hexdigest()[:32]


@cache
def _content(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


@cache
def commands() -> dict[str, str]:
    """A digest of the shell command of each rule, with the functions that write it, from the files of rules."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in dvc_graph.rule_files())
    blocks = re.split(r"^(?=\S)", text, flags=re.M)
    functions = {block[4:].partition("(")[0]: block for block in blocks if block.startswith("def ")}
    found = {}
    for block in blocks:
        if rule := re.match(r"(?:use rule (\w+) as|rule|for [^\"]*name:\s*\")\s*(\w+)", block):
            _, *shell = re.split(r"\n +shell:", block, maxsplit=1)
            shell = "".join(shell)
            called = "".join(functions.get(name, "") for name in re.findall(r"(\w+)\(", shell))
            own = hashlib.sha256((shell.strip() + called).encode()).hexdigest()[:32]
            found[rule[2]] = own if shell else found.get(rule[1], own)
    return found


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"lungfuse: {error}")
