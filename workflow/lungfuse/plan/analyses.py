"""The analyses that a study asks for, and their jobs. Parts declare them: see `lungfuse.analyses`."""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from lungfuse import registry
from lungfuse.errors import UserError
from lungfuse.plan.comparison import MODALITIES, ComparisonPlan
from lungfuse.plan.job import Files, Job
from lungfuse.plan.report_items import ReportItem, declares, item_of

ANALYSES = "lungfuse.analyses"


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
    of_cases: bool

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
        return "scores" if self.reads_models or not self.has_table else "baselines"

    @property
    def reads_models(self) -> bool:
        return not {"predicted", "explained_scores"}.isdisjoint(self.reads)

    @property
    def reads_predictions(self) -> bool:
        return "predicted" in self.reads

    @property
    def reads_tables(self) -> bool:
        return "score_tables" in self.reads


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
    of_cases = declared.get("OF_CASES", False) or declared.get("OF_PAIRS", False)
    lists = [declares(file, declared, constant, list) for constant in ["WANTED", "READS", "SETTINGS"]]
    return AnalysisSpec(name, item_of(ANALYSES, name), *lists, kind, declared.get("OF_PAIRS", False), of_cases)


def deciding_settings() -> list[str]:
    """The settings of a study that decide which analyses it has, as attributes of `Plan`."""
    wanted = {place for name in _files(ANALYSES) for place in analysis_spec(name).wanted}
    return sorted(place for place in wanted if place.startswith("study."))


class AnalysisPlan(ComparisonPlan):
    """The analyses of a study."""

    @cached_property
    def analyses(self) -> dict[str, AnalysisSpec]:
        """The analyses that the study asks for, in the order of the report."""
        specs = sorted(map(analysis_spec, _files(ANALYSES)), key=lambda spec: spec.item.place)
        shared = self.study.share == "all"
        wanted = [spec for spec in specs if all(self._holds(spec, condition) for condition in spec.wanted)]
        return {spec.name: spec for spec in wanted if shared or not spec.of_cases}

    @property
    def score_tables(self) -> list[Path]:
        """The tables that hold scores and counts, and nothing of a patient, but for those made from these tables."""
        tables = {name: spec for name, spec in self.analyses.items() if spec.has_table and not spec.of_pairs}
        own = [name for name, spec in tables.items() if not spec.reads_tables]
        made = map(self.layout.table, own)
        return [self.layout.table("funnel"), self.comparison_table, *made, *self.segmenter_tables]

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
        primary = self.study.comparison.primary
        compared = {"study": self.name, "models": models} | ({"primary": primary} if primary != "auroc" else {})
        return Job(
            "analysis",
            outputs=self.layout.analysis(name, spec.kind),
            settings=self.heading | self.question | compared | {"given": given},
            options={"name": name, "files": files},
            parts=(spec.module, self.task, *MODALITIES),
            reads=files,
        )

    def item(self, name: str) -> ReportItem:
        """Where an analysis appears in the report."""
        return analysis_spec(name).item


def _files(package: str) -> list[str]:
    """The names of the files in a package, which those of their tables and figures are."""
    return [name.replace("-", "_") for name in registry.names(package)]


def _by_name(place: str, files: Path | list[Path] | Files) -> Files:
    return files if isinstance(files, dict) else {place.split(".")[-1]: files}
