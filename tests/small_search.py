"""A search for the settings of a model of the small study, run by its stages."""

from small_study import LAYOUT, SmallStudy, run_stage

from lungfuse.models import kind_spec
from lungfuse.plan.model import read_model
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.search import Interval, SearchConfig

RATES = {"train.learning_rate": Interval(low=1e-4, high=1e-1, log=True, whole=False)}
STRUCTURED = {"architecture": "structured", "structured": ["age", "sex"], "train": {"epochs": 3, "layers": "frozen"}}


def search_of(space: dict, rounds: int = 2, width: int = 3, **others) -> SearchConfig:
    """A search, as the file of a model says it."""
    known = {"sampler": "tpe", "prune": True, "metric": "auroc"}
    return SearchConfig(rounds=rounds, width=width, space=space, **known | others)


def propose(config: ModelConfig, run: str = "0", number: int = 0) -> list[ModelConfig]:
    """Let a round propose its models."""
    run_stage("propose", {"model": LAYOUT.model(config.name), "run": run, "round": number})
    return [read_model(LAYOUT.proposal(config.name, run, number, n)) for n in range(config.search.width)]


def try_out(config: ModelConfig, run: str, number: int, trial: int) -> str:
    """Try a proposal; returns its outcome as it is written."""
    stage = "train-trial" if kind_spec(config.architecture).trained else "fit-trial"
    proposal, outcome = (each(config.name, run, number, trial) for each in [LAYOUT.proposal, LAYOUT.outcome])
    run_stage(stage, {"model": proposal, "run": run, "round": number, "trial": trial})
    return outcome.read_text()


def run_search(small: SmallStudy, config: ModelConfig, runs: tuple[str, ...] = ("0",)) -> list[ModelConfig]:
    """Search for the settings of a model in some folds; returns those that are best."""
    for run in runs:
        for number in range(config.search.rounds):
            propose(config, run, number)
            for trial in range(config.search.width):
                try_out(config, run, number, trial)
        run_stage("select", {"model": LAYOUT.model(config.name), "run": run})
    return [read_model(LAYOUT.best(config.name, run)) for run in runs]
