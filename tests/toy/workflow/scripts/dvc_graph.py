"""The jobs of the toy, in place of those of lungfuse."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml
from dvc_stage import PlannedJob

ROOT_STUDY = "toy"
CODE = ["Snakefile", "workflow/code"]
PLACES = {"folds": "split.folds", "rate": "train.rate", "models": "models"}


@dataclass(frozen=True)
class Toy:
    """A study: two folds of each model, of which one may read what another has learned."""

    name: str
    params: dict

    def setting(self, place: str) -> Any:
        """What the study says at a place, or else the defaults."""
        for found in [self.params["studies"][self.name], self.params["defaults"]]:
            for key in place.split("."):
                found = found.get(key) if isinstance(found, dict) else None
            if found is not None:
                return found
        return None

    @property
    def models(self) -> dict[str, dict]:
        return self.setting("models")

    @property
    def folds(self) -> list[str]:
        return [str(fold) for fold in range(self.setting("split.folds"))]

    pairs = "results/toy/pairs.txt"
    pages = ("results/toy/pages/first.txt", "results/toy/pages/second.txt")
    tables: ClassVar = {"table": "results/toy/comparison.txt", "metrics": "results/toy/metrics.json"}

    @staticmethod
    def weights(model: str, fold: str) -> str:
        return f"results/toy/models/{model}/fold{fold}.txt"

    @staticmethod
    def predictions(model: str) -> str:
        return f"results/toy/predictions/{model}.txt"

    def settings(self, rule: str, model: str = "", fold: str = "") -> str:
        """What decides a job beside its files, as one word of its shell command."""
        rate = self.models.get(model, {}).get("train", {}).get("rate", self.setting("train.rate"))
        found = {
            "split": {"folds": len(self.folds), "words": self.setting("words")},
            "train": {"rate": rate, "fold": fold},
            "pool": {"folds": len(self.folds)},
            "compare": {"models": list(self.models)},
            "page": {"seed": self.setting("seed")},
        }
        return json.dumps(found[rule])

    def needed(self, rule: str, model: str = "", fold: str = "") -> dict[str, list[str]]:
        """The files that a job reads, and the code that decides its result."""
        of = self.models.get(model, {}).get("of")
        files = {
            "split": ["data/raw/toy/words.txt", "data/raw/toy/labels.txt"],
            "train": [self.pairs, *([self.weights(of, fold)] if of else [])],
            "pool": [self.pairs, *(self.weights(model, fold) for fold in self.folds)],
            "compare": [self.predictions(name) for name in self.models],
            "page": [self.tables["table"]],
        }
        return {"files": files[rule], "code": [f"workflow/code/{rule}.sh", "workflow/code/write.sh"]}


def params() -> dict:
    return yaml.safe_load(Path("params.yaml").read_text())


def plan_of(study: str) -> Toy:
    return Toy(study, params())


def rule_files() -> list[Path]:
    return [Path("Snakefile")]


def stage_file(study: str) -> Path:
    return Path("dvc.yaml")


def gathering_folders(study: str) -> list[Path]:
    return [Path("results/toy/predictions")]


def plots(plan: Toy) -> list[tuple[str, dict]]:
    return []


def out_of(file: str) -> str:
    depth = {"models": 4, "pages": 3}.get(Path(file).parts[2], len(Path(file).parts))
    return str(Path(*Path(file).parts[:depth]))


def jobs_of(plan: Toy) -> list[PlannedJob]:
    return list(_jobs_of(plan))


def _jobs_of(plan: Toy) -> Iterator[PlannedJob]:
    raw, code = "data/raw/toy/words.txt", ["workflow/code/write.sh"]
    yield PlannedJob("fetch", "fetch", [raw], [], code, shared=True, given=True)
    yield planned(plan, "split", "split", [plan.pairs], ["split.folds", "words"])
    yield planned(plan, "compare", "compare", list(plan.tables.values()), [])
    yield planned(plan, "page", "page", list(plan.pages), ["seed"])
    for model in plan.models:
        for fold in plan.folds:
            places = [f"models.{model}", "train"]
            yield planned(plan, "train", model, [plan.weights(model, fold)], places, model=model, fold=fold)
        yield planned(plan, "pool", model, [plan.predictions(model)], ["split.folds"], model=model)


def planned(plan: Toy, rule: str, stage: str, outputs: list[str], places: list[str], **wildcards: str) -> PlannedJob:
    needed, settings = plan.needed(rule, **wildcards), json.loads(plan.settings(rule, **wildcards))
    return PlannedJob(rule, stage, outputs, needed["files"], needed["code"], settings, places)
