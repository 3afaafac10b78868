"""The jobs that explain trained models."""

from pathlib import Path

from lungfuse import registry
from lungfuse.models import kind_spec
from lungfuse.plan.job import Files, Job, flat, narrowed
from lungfuse.plan.names import RAW
from lungfuse.plan.permuting import PermutingPlan
from lungfuse.plan.reads import columns_of, modules_of
from lungfuse.plan.report_items import ReportItem, item_of
from lungfuse.plan.resolve import seeds_of
from lungfuse.plan.search_space import variants_of
from lungfuse.plan.segmentation import image_files
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.model import ModelConfig

STAGE = "lungfuse.relevance", "study"
LOADED = ["lungfuse.explain", "lungfuse.relevance.measures"]  # packages whose parts are loaded by name


class ExplainingPlan(PermutingPlan):
    """The explanations of some models of a study."""

    @property
    def explained(self) -> list[str]:
        """The names of the models that are explained."""
        return [name for name, model in self.study.models.items() if model.explained]

    @property
    def explained_scores(self) -> Files:
        """What their explanations are worth."""
        return {"explained_scores": [self.layout.explanation_scores(name) for name in self.explained]}

    @property
    def explanation_item(self) -> ReportItem:
        """Where explanations appear in the report."""
        return item_of(*STAGE)

    def explanation_of(self, model: str) -> ReportItem:
        """Where the explanation of a model appears in the report."""
        return self.explanation_item.of(model)

    def explanation(self, model: str) -> Job:
        """The job of a model that is explained."""
        config, settings = self.configs[model], self.study.explanations
        known = {"explanations": settings, "intervals": narrowed(Intervals, self.study.comparison)}
        parts = [module for each in [config, *self._that_read(config)] for module in modules_of(each)]
        parts += [registry.module_of(package, name) for package in LOADED for name in registry.names(package)]
        return Job(
            "explanation",
            {"model": self.layout.model(model)},
            {"figure": self.layout.figure(f"explanation_{model}"), "scores": self.layout.explanation_scores(model)},
            self.heading | known | {"raw": self.study.raw},
            parts=tuple(dict.fromkeys(parts)),
            reads=self.split_files | self._read_by(model),
        )

    def _read_by(self, model: str) -> Files:
        """What a model and its explanations read: the pairs of the first training, and the networks of all."""
        config, layout = self.configs[model], self.layout
        found: Files = {"predictions": layout.predictions(model)["predictions"]} | columns_of(config)
        found["trained"] = self.trained_files(model, seeds_of(self.study, self.study.models[model]))
        parts = [each for part in self._that_read(config) for each in variants_of(part)]
        encoders = [(name, modality) for part in parts for modality, name in part.encoders.items()]
        found["encoders"] = flat(flat(layout.encoder(*each).values()) for each in encoders)
        found |= image_files(layout, config.segmenter) if "image" in config.inputs else {}
        found["permuted"] = [layout.permuted(model)] if model in self.permutable else []
        return found | {"evidence": self._evidence("image" in config.inputs)}

    def _that_read(self, config: ModelConfig) -> list[ModelConfig]:
        """The models that read cases: the parts of a late fusion, or the model itself."""
        combines = kind_spec(config.architecture).combines
        return [self.configs[part] for part in config.parts.values()] if combines else [config]

    def _evidence(self, of_images: bool) -> list[Path]:
        settings = self.study.explanations
        if settings.evidence:
            return [RAW / self.study.raw / file for file in [settings.evidence.table, settings.evidence.masks]]
        return [self.layout.masks(settings.inside)["masks"]] if settings.inside and of_images else []
