"""The jobs that shuffle the inputs of trained models."""

from functools import cached_property
from pathlib import Path

from lungfuse.models import kind_spec, module_of
from lungfuse.plan.job import Files, Job, flat
from lungfuse.plan.reads import files_read, modules_of, settings_found
from lungfuse.plan.runs import run_names
from lungfuse.plan.searching import SearchPlan


class PermutingPlan(SearchPlan):
    """The shuffled inputs of the models of a study that read several."""

    @cached_property
    def permutable(self) -> list[str]:
        """The names of the models that read several inputs as they are."""
        return [name for name, config in self.configs.items() if len(config.inputs) > 1 and not config.ablation]

    @property
    def permuted(self) -> Files:
        """The scores of these models with each of their inputs shuffled."""
        return {"permuted": [self.layout.permuted(name) for name in self.permutable]}

    def permute(self, model: str) -> Job:
        """The job of a model of which each input is shuffled."""
        predictions = {"predictions": self.layout.predictions(model)["predictions"]}
        return Job(
            "permute",
            {"model": self.layout.model(model)},
            {"permuted": self.layout.permuted(model)},
            parts=tuple(self._modules(model)),
            reads=self.split_files | predictions | {"trained": self.trained_files(model)},
        )

    def trained_files(self, model: str, n_seeds: int = 1) -> list[Path]:
        """All that scores the test pairs of the first trainings: what was learned in each fold, and what it reads."""
        config, layout = self.configs[model], self.layout
        kind, runs = kind_spec(config.architecture), run_names(config.folds, n_seeds)
        if kind.combines:
            parts = list(config.parts.values())
            files = [[layout.model(part), *self.trained_files(part, n_seeds)] for part in parts]
            return flat([layout.late_settings(model), *files])
        if not kind.trained:
            return flat([*layout.estimators(model, runs).values(), *self.fit(model).reads.values()])
        files = [[*layout.network(model, run).values(), *files_read(config, run).values()] for run in runs]
        return flat([*(flat(each) for each in files), settings_found(config, runs)])

    def _modules(self, model: str) -> list[str]:
        config = self.configs[model]
        if kind_spec(config.architecture).combines:
            of_parts = [module for part in config.parts.values() for module in self._modules(part)]
            return [self.task, module_of(config.architecture), *of_parts]
        return list(modules_of(config)) if config.train else [self.task, module_of(config.architecture)]
