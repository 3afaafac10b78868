"""Write dvc.yaml from the Snakefile's own graph of jobs: one stage a rule and model.

python workflow/scripts/dvc_stages.py            # write dvc.yaml
python workflow/scripts/dvc_stages.py --check    # fail when it is not up to date
"""

import argparse
import re
import sys
from pathlib import Path

import yaml
from snakemake.api import SnakemakeApi
from snakemake.jobs import Job
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

from lungfuse.paths import HISTORY

HEADER = "# Written from the Snakefile by `make dvc`; do not edit.\n"
STUDY = "openi"  # the study of the root dvc.yaml
KEPT_RULES = {"download"}  # raw files are never deleted, not even by a rerun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail when the file is not up to date")
    parser.add_argument("--study", default=STUDY)
    parser.add_argument("--file", type=Path, default=Path("dvc.yaml"))
    arguments = parser.parse_args()
    text = HEADER + yaml.safe_dump({"stages": stages(arguments.study)}, sort_keys=False, width=1000)
    if not arguments.check:
        arguments.file.write_text(text, encoding="utf-8")
    elif not arguments.file.exists() or arguments.file.read_text(encoding="utf-8") != text:
        sys.exit(f"{arguments.file}: is not what the Snakefile says. Run `make dvc` and commit the file.")


def stages(study: str) -> dict[str, dict]:
    """The stages of a study by name, in the order of their names; the folds of a model are one stage."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    grouped: dict[str, list[Job]] = {}
    for job in jobs(study):
        grouped.setdefault(_stage_name(job), []).append(job)
    return {name: _stage(grouped[name], study, params) for name in sorted(grouped)}


def jobs(study: str) -> list[Job]:
    """The jobs of a study, from Snakemake's graph. Its builder is private: snakemake is pinned below 10."""
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config={"study": study}),
            snakefile=Path("Snakefile"),
        )
        workflow.dag(DAGSettings(force_incomplete=True))
        internal = workflow._workflow
        internal._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True)
        internal._build_dag()
        return [job for job in internal.dag.jobs if not job.is_norun]


def _stage_name(job: Job) -> str:
    values = [value for key, value in job.wildcards_dict.items() if key != "fold"]
    name = re.sub(r"_fold\d+", "", "_".join([job.rule.name, *values]))
    return re.sub(r"[^\w-]", "-", name)


def _stage(jobs: list[Job], study: str, params: dict) -> dict:
    job = jobs[0]
    inputs = sorted({str(file) for job in jobs for file in job.input})
    outputs = sorted({str(file) for job in jobs for file in job.output})
    command = (
        f"snakemake --cores all --nolock --quiet all --config study={study} "
        f"--force --allowed-rules {job.rule.name} -- {' '.join(outputs)}"
    )
    kinds = {"deps": inputs, "params": _param_keys(job, study, params)}
    kinds |= {kind: [] for kind in ["outs", "metrics", "plots"]}
    for output in outputs:
        kinds[_kind(output)].append(_entry(output, job.rule.name))
    return {"cmd": command} | {kind: entries for kind, entries in kinds.items() if entries}


def _kind(output: str) -> str:
    if output.endswith("metrics.json"):
        return "metrics"
    return "plots" if output.endswith((".svg", HISTORY)) else "outs"


def _entry(output: str, rule: str) -> str | dict:
    """An output with what DVC has to know of it: raw files stay, training histories are curves."""
    if rule in KEPT_RULES:
        return {output: {"persist": True}}
    loss = "train_loss" if rule == "cnn" else "validation_loss"
    return {output: {"x": "epoch", "y": loss}} if output.endswith(HISTORY) else output


def _param_keys(job: Job, study: str, params: dict) -> list[str]:
    """The settings a rule names in `params`, where they stand in params.yaml."""
    places = {"defaults": params["defaults"], f"studies.{study}": params["studies"][study]}
    keys = [
        f"{place}.{key}" for place, settings in places.items() for key in sorted(job.params.keys()) if key in settings
    ]
    row = [f"studies.{study}.models.{job.wildcards.row}"] if hasattr(job.params, "row") else []
    return keys + row


if __name__ == "__main__":
    main()
