"""The analyses and explanations that a study asks for, and their jobs. Parts declare them: see `lungfuse.analyses`."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from lungfuse import registry
from lungfuse.errors import UserError
from lungfuse.models import kind_spec, module_of
from lungfuse.plan.comparison import MODALITIES, ComparisonPlan
from lungfuse.plan.job import Files, Job, flat
from lungfuse.plan.names import ENCODER_ROOT
from lungfuse.plan.report_items import ReportItem, declares, item_of
from lungfuse.plan.segmentation import image_files
from lungfuse.plan.training import columns_of, modules_of, weights_of
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import task_module

ANALYSES, EXPLANATIONS = "lungfuse.analyses", "lungfuse.explain"


@dataclass(frozen=True)
class AnalysisSpec:
    """What an analysis declares, see `lungfuse.analyses`, and whether it has a table and a figure."""

    name: str
    item: ReportItem
    wanted: list[str]
    reads: list[str]
    settings: list[str]
    kind: str
    of_pairs: bool

    @property
    def module(self) -> str:
        return registry.module_of(ANALYSES, self.name)

    @property
    def has_table(self) -> bool:
        return self.kind != "figure"

    @property
    def group(self) -> str:
        """The jobs that a cluster is sent it with: those that score models, or that need no model's predictions; what
        reads the tables of both waits for them by itself."""
        if self.reads_tables:
            return self.name
        return "scores" if self.reads_predictions or not self.has_table else "baselines"

    @property
    def reads_predictions(self) -> bool:
        return "predicted" in self.reads

    @property
    def reads_tables(self) -> bool:
        return "score_tables" in self.reads


@dataclass(frozen=True)
class ExplanationSpec:
    """What an explanation declares, see `lungfuse.explain`."""

    name: str
    item: ReportItem
    inputs: list[str]
    wanted: dict[str, list[Any]]

    @property
    def module(self) -> str:
        return registry.module_of(EXPLANATIONS, self.name)

    def explains(self, config: ModelConfig) -> bool:
        """Whether a model is one of those that are explained."""
        settings = all(getattr(config, name) in values for name, values in self.wanted.items())
        return settings and not config.ablation and set(self.inputs) <= set(config.inputs)


@cache
def analysis_spec(name: str) -> AnalysisSpec:
    """What an analysis declares.

    Raises:
        UserError: its file lacks something.
    """
    module, declared = registry.module_of(ANALYSES, name), registry.declared(ANALYSES, name)
    file, defined = registry.file_of(module), registry.functions(ANALYSES, name)
    kinds = {("compute", "draw"): "analysis", ("compute",): "table", ("draw",): "figure"}
    kind = kinds.get(tuple(each for each in ["compute", "draw"] if each in defined))
    if kind is None:
        raise UserError(f"{file}: found no function compute or draw, expected one of them or both. Add it.")
    lists = [declares(file, declared, constant, list) for constant in ["WANTED", "READS", "SETTINGS"]]
    return AnalysisSpec(name, item_of(ANALYSES, name), *lists, kind, declared.get("OF_PAIRS", False))


@cache
def explanation_spec(name: str) -> ExplanationSpec:
    """What an explanation declares.

    Raises:
        UserError: its file lacks something.
    """
    file, declared = registry.file_of(registry.module_of(EXPLANATIONS, name)), registry.declared(EXPLANATIONS, name)
    inputs, wanted = (declares(file, declared, *each) for each in [("INPUTS", list), ("WANTED", dict)])
    if unknown := wanted.keys() - ModelConfig.model_fields.keys():
        raise UserError(
            f"{file}: WANTED: found {', '.join(sorted(unknown))}, expected settings of a model: "
            f"{', '.join(ModelConfig.model_fields)}."
        )
    return ExplanationSpec(name, item_of(EXPLANATIONS, name), inputs, wanted)


class AnalysisPlan(ComparisonPlan):
    """The analyses of a study, and the explanations of its models."""

    @cached_property
    def analyses(self) -> dict[str, AnalysisSpec]:
        """The analyses that the study asks for, in the order of the report."""
        specs = sorted(map(analysis_spec, _files(ANALYSES)), key=lambda spec: spec.item.place)
        return {spec.name: spec for spec in specs if all(self._holds(spec, condition) for condition in spec.wanted)}

    @property
    def score_tables(self) -> list[Path]:
        """The tables that hold scores and counts, and nothing of a patient, but for those made from these tables."""
        tables = {name: spec for name, spec in self.analyses.items() if spec.has_table and not spec.of_pairs}
        own = [name for name, spec in tables.items() if not spec.reads_tables]
        segmentation = [self.segmentation_table] if self.trained_segmenters else []
        return [self.layout.table("funnel"), self.comparison_table, *map(self.layout.table, own), *segmentation]

    def analyses_of(self, kind: str) -> list[str]:
        """The names of those with a table and a figure ("analysis"), a table alone, or a figure alone."""
        return [name for name, spec in self.analyses.items() if spec.kind == kind]

    def _holds(self, spec: AnalysisSpec, condition: str) -> bool:
        place = condition.removeprefix("not ")
        return bool(self._declared(spec, "WANTED", place)) == (place == condition)

    def _declared(self, spec: AnalysisSpec, constant: str, place: str) -> Any:
        """The attribute of this plan that an analysis names."""
        found = self
        for name in place.split("."):
            try:
                found = found[name] if isinstance(found, dict) else getattr(found, name)
            except (AttributeError, KeyError) as error:
                raise UserError(
                    f"{registry.file_of(spec.module)}: {constant}: found {place!r}, but a plan has no {name!r} there. "
                    "Expected an attribute of lungfuse.plan.plan.Plan, such as study.seed."
                ) from error
        return found

    def analysis(self, name: str) -> Job:
        """The job of an analysis.

        Raises:
            UserError: the study has none of this name.
        """
        if name not in self.analyses:
            raise UserError(f"{self.name}: has no analysis {name!r}; expected one of {', '.join(self.analyses)}.")
        spec, files = self.analyses[name], {}
        for place in spec.reads:
            files |= _by_name(place, self._declared(spec, "READS", place))
        given = {place.split(".")[-1]: self._declared(spec, "SETTINGS", place) for place in spec.settings}
        models = list(self.configs) if spec.reads_predictions else []
        return Job(
            "analysis",
            outputs=self.layout.analysis(name, spec.kind),
            settings=self.heading | self.question | {"study": self.name, "models": models, "given": given},
            options={"name": name, "files": files},
            parts=(spec.module, self.task, *MODALITIES),
            reads=files,
        )

    @cached_property
    def explained(self) -> dict[str, list[str]]:
        """The models that each explanation explains, of those that explain any."""
        specs = map(explanation_spec, _files(EXPLANATIONS))
        found = {spec.name: [name for name, each in self.configs.items() if spec.explains(each)] for spec in specs}
        return {name: models for name, models in found.items() if models}

    def explanation(self, name: str, model: str) -> Job:
        """The job of an explanation of a model."""
        config, layout = self.configs[model], self.layout
        trained, modules = _trained(self, config)
        inputs: Files = {"pairs": layout.split["pairs"], "predictions": layout.predictions(model)["predictions"]}
        images = image_files(layout, config.segmenter) if "image" in config.inputs else {}
        return Job(
            "explanation",
            inputs | images | columns_of(config),
            {"figure": layout.figure(f"{name}_{model}")},
            self.heading,
            {"name": name, "model": layout.model_folder(model), "encoder_root": ENCODER_ROOT},
            (explanation_spec(name).module, *modules),
            {"trained": trained},
        )

    def item(self, name: str, model: str = "") -> ReportItem:
        """Where an analysis, or the explanation of a model, appears in the report."""
        return explanation_spec(name).item.of(model) if model else analysis_spec(name).item


def _files(package: str) -> list[str]:
    """The names of the files in a package, which those of their tables and figures are."""
    return [name.replace("-", "_") for name in registry.names(package)]


def _by_name(place: str, files: Path | list[Path] | Files) -> Files:
    return files if isinstance(files, dict) else {place.split(".")[-1]: files}


def _trained(plan: AnalysisPlan, config: ModelConfig) -> tuple[list[Path], Iterable[str]]:
    """What is needed to predict with all trainings of a model: files, and modules that are loaded by name."""
    if kind_spec(config.architecture).trained:
        return flat(weights_of(config, run) for run in plan.runs(config.name)), modules_of(config)
    modules = [task_module(config.task), module_of(config.architecture)]
    return flat(plan.layout.estimators(config.name, plan.runs(config.name)).values()), modules
