"""Write the stages of DVC from the jobs of the studies.

python workflow/scripts/dvc_stages.py                # write the files of the studies that are under DVC
python workflow/scripts/dvc_stages.py --study tb     # put another study under DVC; says what to do with its raw files
python workflow/scripts/dvc_stages.py --check        # fail when a file is not up to date

The root dvc.yaml is the study openi, studies/<study>/dvc.yaml another one, and data/dvc.yaml what studies share: raw
files and encoders. A stage is a model with its trainings and pooled predictions, or else a rule.
"""

import argparse
import os
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this folder's own code, whichever is installed

import dvc_graph
from dvc_raw import advice, copy_in_place, links_in, raw_inputs
from dvc_stage import Stage, stages_of

from lungfuse.errors import UserError

HEADER = "# Written by `make dvc` from the jobs of the workflow; do not edit.\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail when a file is not up to date")
    parser.add_argument("--study", help="a study to put under DVC")
    parser.add_argument("--copy-links", action="store_true", help="put copies in the place of links to its raw files")
    arguments = parser.parse_args()
    if arguments.study:
        raw_files_of(arguments.study, arguments.copy_links)
    stale = []
    for file, text in file_contents({*studies_under_dvc(), arguments.study or dvc_graph.ROOT_STUDY}).items():
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(file))
        if not arguments.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    if arguments.check and stale:
        sys.exit(f"{', '.join(stale)}: not what the workflow says. Run `make dvc` and commit the files.")


def raw_files_of(study: str, copy_links: bool) -> None:
    """Say what is left to do with the raw files of a study, after putting copies in the place of links if wanted."""
    paths = raw_inputs(stages_of(study, dvc_graph.jobs_of(dvc_graph.plan_of(study)), dvc_graph, dvc_graph.params()))
    for link in links_in(paths) if copy_links else []:
        copy_in_place(link)
    if found := advice(paths):
        print(found)


def studies_under_dvc() -> list[str]:
    """The studies that have a file of stages, the root study first."""
    names = [name for name in dvc_graph.params()["studies"] if dvc_graph.stage_file(name).exists()]
    return sorted({*names, dvc_graph.ROOT_STUDY}, key=lambda name: (name != dvc_graph.ROOT_STUDY, name))


def file_contents(studies: set[str]) -> dict[Path, str]:
    """The content of each file of stages; a shared stage is that of the first study that needs it."""
    files: dict[Path, dict[str, Stage]] = {}
    plots: dict[Path, list[tuple[str, dict]]] = {}
    for study in sorted(studies, key=lambda name: (name != dvc_graph.ROOT_STUDY, name)):
        plan, params = dvc_graph.plan_of(study), dvc_graph.params()
        plots[dvc_graph.stage_file(study)] = dvc_graph.plots(plan)
        for stage in stages_of(study, dvc_graph.jobs_of(plan), dvc_graph, params):
            files.setdefault(stage.file, {}).setdefault(stage.name, stage)
    return {file: _text(file, list(stages.values()), plots.get(file, [])) for file, stages in files.items()}


def _text(file: Path, stages: list[Stage], plots: list[tuple[str, dict]]) -> str:
    content = {"stages": {stage.name: stage.entry for stage in stages}}
    if plots:
        content["plots"] = [{os.path.relpath(path, file.parent): how} for path, how in plots]
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=120, default_flow_style=None)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"lungfuse: {error}")
