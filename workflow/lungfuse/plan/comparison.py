"""The models that are compared: the job of the comparison table, and what analyses ask of a study."""

from functools import cached_property
from pathlib import Path
from typing import Any

from lungfuse.datasets import known_of
from lungfuse.modalities import modality_names
from lungfuse.modalities.image import places_of
from lungfuse.models import model_spec
from lungfuse.models.contrasts import Contrast, contrasts, fused_inputs
from lungfuse.plan.explaining import ExplainingPlan
from lungfuse.plan.features import feature_sets
from lungfuse.plan.job import Files, Job, narrowed
from lungfuse.plan.names import HISTORY, TRAINED_SETTINGS
from lungfuse.plan.resolve import is_part_of
from lungfuse.settings.comparison import ComparisonSettings, Intervals
from lungfuse.settings.model import ModelConfig, ModelSettings

MODALITIES = [f"lungfuse.modalities.{name}" for name in modality_names()]


class ComparisonPlan(ExplainingPlan):
    """The comparison of a study's models. Analyses name attributes of this class in what they declare."""

    @property
    def results(self) -> dict[str, Any]:
        """The models that are compared, and by what."""
        return {"study": self.name, "models": list(self.configs), "primary": self.study.comparison.primary}

    @property
    def predicted(self) -> Files:
        """The files of the models that are compared, and their predictions."""
        scores = [self.layout.predictions(name) for name in self.configs]
        files: Files = {kind: [each[kind] for each in scores] for kind in ["predictions", "validated"]}
        models = [self.layout.model(name) for name in self.configs]
        split = {name: self.layout.split[name] for name in ["pairs", "fold_table"]}
        return files | {"models": models} | split

    @property
    def structured(self) -> Files:
        """The values of the structured columns of the pairs, and what they are, where a study has some."""
        return dict(self.layout.structured) if self.has_columns else {}

    @property
    def audited(self) -> Files:
        """The values of the columns that no model may read, where a study has some."""
        return {name: path for name, path in self.reports().outputs.items() if name == "audited"}

    @property
    def histories(self) -> list[Path]:
        """The records of all trainings."""
        return self._trainings(HISTORY)

    @property
    def trained_settings(self) -> list[Path]:
        """What was recorded of all trainings."""
        return self._trainings(TRAINED_SETTINGS)

    @property
    def measured(self) -> list[Path]:
        """What trainings, fitted estimators and the encoding of what these read have recorded of what they took."""
        fitted = {name: self.configs[name] for name in self.of_stage("fit")}
        kept = [self.layout.fold_folder(name, run) / TRAINED_SETTINGS for name in fitted for run in self.runs(name)]
        read = [(config, modality) for config in fitted.values() for modality in config.encoders]
        features = dict.fromkeys(made.outputs["cost"] for each in read for made in feature_sets(*each))
        return [*self.trained_settings, *kept, *features]

    @property
    def masks_shown(self) -> list[Path]:
        """The masks that are drawn on examples, where models use some: those of the first segmenter."""
        return [self.layout.masks(name)["masks"] for name in self.used_segmenters[:1]]

    @property
    def comparison_table(self) -> Path:
        return self.layout.table("comparison")

    @property
    def intervals(self) -> Intervals:
        """The confidence of intervals, and how many resamples they rest on."""
        return narrowed(Intervals, self.study.comparison)

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """The models that differ in one thing."""
        return contrasts(list(self.configs.values()))

    @cached_property
    def fused_inputs(self) -> list[set[str]]:
        """The sets of inputs that models fuse."""
        return fused_inputs(list(self.configs.values()))

    @property
    def known_times(self) -> dict[str, str]:
        """When the sections and columns of the dataset are known, see `lungfuse.models.times`."""
        return known_of(self.dataset)

    @property
    def reads_inputs(self) -> bool:
        """Whether a model reads anything."""
        return any(model.inputs for model in self.study.models.values())

    @property
    def trains(self) -> bool:
        """Whether a model is a network that is trained."""
        return bool(self.of_stage("train"))

    @property
    def learns_from_models(self) -> bool:
        """Whether a model learns from what another scores."""
        return any(model_spec(model.architecture).roles for model in self.study.models.values())

    @property
    def may_lack_inputs(self) -> bool:
        """Whether a pair may lack what a model reads: filters see to the required modalities and the first section."""
        return any(self._may_lack(model) for model in self.configs.values() if not model.ablation)

    def _may_lack(self, model: ModelConfig) -> bool:
        required = {"image", "text"} if self.study.filter.required is None else set(self.study.filter.required)
        other_section = bool(model.text) and model.text != self.study.filter.text_fields[0]
        one_of_several = bool(places_of(model.images))
        return other_section or one_of_several or "structured" in model.inputs or not set(model.inputs) <= required

    @property
    def fuses_unimodal_models(self) -> bool:
        """Whether there is a fusion, and a unimodal model of each of its inputs."""
        models = [model for model in self.study.models.values() if not model.ablation]

        def read_alone(model: ModelSettings) -> set[str]:
            return {name for part in models if is_part_of(self.study, part, model) for name in part.inputs}

        return any(len(model.inputs) > 1 and read_alone(model) == set(model.inputs) for model in models)

    def _trainings(self, name: str) -> list[Path]:
        trained = self.of_stage("train")
        return [self.layout.fold_folder(model, run) / name for model in trained for run in self.runs(model)]

    def compare(self) -> Job:
        outputs = {"comparison_table": self.comparison_table, "comparison_page": self.layout.comparison_page}
        return Job(
            "compare",
            outputs=outputs | {"metrics": self.layout.results / "metrics.json"},
            settings=self.heading
            | self.results
            | {"comparison": narrowed(ComparisonSettings, self.study.comparison), "seed": self.study.seed},
            reads=self.predicted | {"trainings": self.trained_settings},
            parts=(self.task, *MODALITIES),
        )
