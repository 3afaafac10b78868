"""Take the best settings that a search has proposed for a fold."""

import shutil
from pathlib import Path

from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model, write_model
from lungfuse.plan.search_space import trials_of
from lungfuse.search.trials import best_of, read_trials


def main(*, model: Path, run: str) -> None:
    """Write the file of the model that is trained in a fold: the one that is best on its validation pairs.

    Parameters
    ----------
    model
        The file of the model that is searched for, which the workflow writes.
    run
        <fold> or <fold>_repeat<n>: the training whose settings are searched for.
    """
    config = read_model(model)
    layout, search = Layout(config.study), config.search
    best = best_of(read_trials(config, run, search.rounds))
    print(f"{search.metric} {best.outcome.value}: {best.config.point}")
    write_model(best.config, layout.best(config.name, run))
    kept = {layout.proposal(config.name, run, *which) for which in trials_of(search, search.rounds)}
    for left in set(layout.search(config.name, run).glob("round*_trial*.json")) - kept:  # when more were asked for
        left.unlink()
        shutil.rmtree(left.with_suffix(""), ignore_errors=True)
