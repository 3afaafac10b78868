"""What a stage of DVC is: jobs of a study that DVC runs as one, and where they are written."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

SHARED = Path("data/dvc.yaml")  # the stages that studies share
PLAN = "plan"  # the stage that writes what decides each of the others
PLANS = Path("data/plan")


@dataclass(frozen=True)
class PlannedJob:
    """A job of a study, as the study's settings have it; paths are those from the root folder of the project.

    Beside its inputs, the files `code` and the `settings` (as JSON takes them) decide its result. `places` are where
    these settings are in a study of params.yaml: `train.epochs`. A `shared` job makes what other studies use too; the
    outputs of a `given` one may have been put there by hand. Those of one that `stays` are left where its stage runs
    again.
    """

    rule: str
    stage: str
    outputs: list[str]
    inputs: list[str]
    code: list[str]
    settings: Any = None
    places: list[str] = field(default_factory=list)
    shared: bool = False
    given: bool = False
    stays: bool = False


@dataclass(frozen=True, eq=False)
class Stage:
    """Jobs that DVC runs as one. `deps` and `outs` are files, or folders all of whose files are of one kind.

    The stage of no jobs is the one that writes the plans. `file` is where the stage is written.
    """

    study: str
    file: Path
    name: str
    jobs: list[PlannedJob]
    deps: list[str]
    params: list[str]
    outs: list[str]

    @property
    def address(self) -> str:
        """How DVC names the stage, from the root folder."""
        return self.name if self.file == Path("dvc.yaml") else f"{self.file}:{self.name}"

    @property
    def plan(self) -> str:
        """The file that holds what decides its jobs, if it has one: see `dvc_plan`."""
        own = plan_file(self.study, self.name)
        return own if own in self.deps else ""

    @cached_property
    def outputs(self) -> list[str]:
        """The files that its jobs make."""
        return sorted(output for job in self.jobs for output in job.outputs)

    @property
    def staying(self) -> list[str]:
        """Those of them that DVC leaves where it runs the stage again."""
        return sorted(output for job in self.jobs if job.stays for output in job.outputs)

    @property
    def command(self) -> str:
        if self.name == PLAN:
            return f"python workflow/scripts/dvc_plan.py --study {self.study}"
        options = f"--cores all --quiet host reason --config study={self.study}"
        given = any(job.given for job in self.jobs)
        return f"snakemake {options} {'--force -- ' + ' '.join(self.outputs) if given else f'-- {target(self.name)}'}"

    @property
    def entry(self) -> dict:
        """The stage as DVC reads it."""
        entry = {"cmd": self.command, "wdir": os.path.relpath(".", self.file.parent)}
        entry |= {"deps": self.deps, "params": self.params, "outs": [], "metrics": [], "plots": []}
        staying = {self.out_of(output) for job in self.jobs if job.given or job.stays for output in job.outputs}
        for out in self.outs:
            if out.endswith("metrics.json"):
                entry["metrics"].append({out: {"cache": False}})
            else:
                files = [output for output in self.outputs if is_in(output, out)]
                pictures = bool(files) and all(file.endswith(".svg") for file in files)
                entry["plots" if pictures else "outs"].append({out: {"persist": True}} if out in staying else out)
        return {key: value for key, value in entry.items() if value not in ([], ".")}

    def out_of(self, output: str) -> str:
        """Which of its outs holds a file that one of its jobs makes."""
        return next(out for out in self.outs if is_in(output, out))


def target(name: str) -> str:
    """The target of Snakemake that is all files of a stage."""
    return f"stage_{name}"


def plan_file(study: str, name: str) -> str:
    return str(PLANS / study / f"{name}.json")


def is_in(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it."""
    return path == folder or path.startswith(f"{folder}/")


def stages_of(study: str, jobs: Iterable[PlannedJob], graph: Any, params: dict) -> list[Stage]:
    """The stages of a study from its jobs, the one of the plans first; see `dvc_graph`."""
    grouped: dict[str, list[PlannedJob]] = {}
    for job in jobs:
        grouped.setdefault(job.stage, []).append(job)
    makers = {
        graph.out_of(output): job.stage for members in grouped.values() for job in members for output in job.outputs
    }
    own = graph.stage_file(study)
    found = [Stage(study, own, PLAN, [], graph.CODE, in_params([""], study, params), [str(PLANS / study)])]
    for name, members in grouped.items():
        file = SHARED if members[0].shared else own
        deps = _deps(study, members, makers, graph)
        settings = in_params((place for job in members for place in job.places), study, params)
        outs = sorted(out for out, maker in makers.items() if maker == name)
        found.append(Stage(study, file, name, members, deps, settings, outs))
    return found


def _deps(study: str, jobs: list[PlannedJob], makers: dict[str, str], graph: Any) -> list[str]:
    """What a stage reads of other stages and of given files, and what decides its jobs."""
    name, inputs = jobs[0].stage, {file for job in jobs for file in job.inputs}
    made = {graph.out_of(file) for file in inputs} & makers.keys()
    given = {file for file in inputs if graph.out_of(file) not in makers}
    for folder in graph.gathering_folders(study):
        below = {out for out in makers if is_in(out, str(folder))}
        if len(below) > 1 and {makers[out] for out in below} == {makers[out] for out in below & made}:
            made = made - below | {str(folder)}
    decided = {file for job in jobs for file in job.code} if jobs[0].shared else {plan_file(study, name)}
    return sorted({out for out in made if makers.get(out) != name} | set(whole_folders(given)) | decided)


def whole_folders(files: set[str]) -> list[str]:
    """Given files, with a folder in place of its files where all of them are there."""
    found, left, content = [], set(files), {}
    while left:
        file = min(left)
        for folder in list(Path(file).parents)[:-4]:  # those in data/raw/<name>
            if folder not in content:
                walked = os.walk(folder, followlinks=True)
                content[folder] = {str(Path(place, name)) for place, _, names in walked for name in names}
        folders = [str(folder) for folder in list(Path(file).parents)[:-4] if content[folder] <= files]
        found += folders[-1:] or [file]
        left = {other for other in left if not is_in(other, found[-1])}
    return found


def in_params(places: Iterable[str], study: str, params: dict) -> list[str]:
    """Where the settings of a study that are at these places are in params.yaml."""
    found = set()
    for place in places:
        own, default = (".".join(filter(None, [above, place])) for above in [f"studies.{study}", "defaults"])
        value = at(params, own)
        found |= {own} if value is not None else set()
        if value is None or isinstance(value, dict):  # else it takes the place of the default
            found |= {default} if at(params, default) is not None else set()
    return sorted(place for place in found if not any(place.startswith(f"{above}.") for above in found))


def at(params: Any, place: str) -> Any:
    """What params.yaml says at a place, or None."""
    for key in place.split("."):
        if not isinstance(params, dict) or key not in params:
            return None
        params = params[key]
    return params


def as_text(content: Any) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
