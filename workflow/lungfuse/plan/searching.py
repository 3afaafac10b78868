"""The jobs of the searches for the settings of models: round by round, in each fold by itself."""

from functools import cached_property
from pathlib import Path

from lungfuse.models import module_of
from lungfuse.plan.job import Files, Job, flat
from lungfuse.plan.reads import files_read, fit_files, modules_of, role_files
from lungfuse.plan.search_space import trials_of
from lungfuse.plan.training import TrainingPlan
from lungfuse.settings.search import SearchConfig


class SearchPlan(TrainingPlan):
    """The models of a study whose settings are searched for."""

    @cached_property
    def searches(self) -> dict[str, SearchConfig]:
        """How they are searched for, by the names of the models."""
        return {name: config.search for name, config in self.configs.items() if config.search}

    @property
    def searched_files(self) -> Files:
        """All proposals of all searches, and how good they are."""
        trials = [(name, run) for name in self.searches for run in self.runs(name)]
        proposals = flat(self._proposals(*trial, self.searches[trial[0]].rounds) for trial in trials)
        found = flat(self._outcomes(*trial, self.searches[trial[0]].rounds) for trial in trials)
        best = [self.layout.best(*trial) for trial in trials]
        return {"proposals": proposals, "outcomes": found, "best": best}

    @cached_property
    def widths(self) -> dict[int, list[str]]:
        """The names of these models by how many points a round of theirs proposes."""
        found: dict[int, list[str]] = {}
        for name, search in self.searches.items():
            found.setdefault(search.width, []).append(name)
        return found

    def searched_by(self, stage: str) -> list[str]:
        """The names of those models that a stage makes."""
        return [name for name in self.of_stage(stage) if name in self.searches]

    def propose(self, model: str, run: str, round: int | str) -> Job:
        """The job that proposes the settings of a round, from what earlier ones have found."""
        made = {f"trial{n}": self.layout.proposal(model, run, round, n) for n in range(self.searches[model].width)}
        return Job(
            "propose",
            {"model": self.layout.model(model)},
            made,
            parts=(module_of(self.configs[model].architecture), self.task),
            reads=self._earlier(model, run, int(round)),
        )

    def fit_trial(self, model: str, run: str, round: int | str, trial: int | str) -> Job:
        """The job that fits an estimator as a round has proposed it."""
        return self._trial("fit-trial", fit_files(self.configs[model]), model, run, round, trial)

    def train_trial(self, model: str, run: str, round: int | str, trial: int | str) -> Job:
        """The job that trains a network as a round has proposed it."""
        config = self.configs[model]
        reads = files_read(config, run) | role_files(self._in_roles(config), run)
        pruned_by = self._earlier(model, run, int(round)) if config.search.prune else {}
        return self._trial("train-trial", reads | pruned_by, model, run, round, trial)

    def select(self, model: str, run: str) -> Job:
        """The job that takes the best of all proposals."""
        file, best = {"model": self.layout.model(model)}, {"best": self.layout.best(model, run)}
        return Job("select", file, best, reads=self._earlier(model, run, self.searches[model].rounds))

    def _trial(self, stage: str, reads: Files, model: str, *which: int | str) -> Job:
        layout = self.layout
        file, outcome = {"model": layout.proposal(model, *which)}, {"outcome": layout.outcome(model, *which)}
        reads = self.split_files | reads | {"searched": layout.model(model)}
        return Job(stage, file, outcome, parts=modules_of(self.configs[model]), reads=reads)

    def _earlier(self, model: str, run: str, rounds: int) -> Files:
        """What the first rounds have proposed and found."""
        return {"proposals": self._proposals(model, run, rounds), "outcomes": self._outcomes(model, run, rounds)}

    def _proposals(self, model: str, run: str, rounds: int) -> list[Path]:
        return [self.layout.proposal(model, run, *which) for which in trials_of(self.searches[model], rounds)]

    def _outcomes(self, model: str, run: str, rounds: int) -> list[Path]:
        return [self.layout.outcome(model, run, *which) for which in trials_of(self.searches[model], rounds)]
