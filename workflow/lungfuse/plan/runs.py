"""Trainings by name: <fold>, <fold>_repeat<n>, and the inner ones of each, with _inner<n> behind."""

INNER_FOLDS = 3  # of the pairs to learn from in a fold, where a model learns from the scores of another


def run_names(folds: int, n_seeds: int) -> list[str]:
    """The trainings of all folds, repeat by repeat, see `runs_of`."""
    return [run_name(fold, repeat) for repeat in range(n_seeds) for fold in range(folds)]


def run_name(fold: int, repeat: int) -> str:
    """A training by its fold and its repeat, see `runs_of`."""
    return f"{fold}_repeat{repeat}" if repeat else str(fold)


def run_numbers(run: str) -> tuple[int, int]:
    """The fold and the repeat of a training by its name, see `runs_of` and `inner_runs`."""
    fold, _, repeat = outer_run(run).partition("_repeat")
    return int(fold), int(repeat or 0)


def inner_runs(run: str) -> list[str]:
    """The inner trainings of a training: each leaves out one part of the pairs to learn from, and scores it."""
    return [f"{run}_inner{number}" for number in range(INNER_FOLDS)]


def outer_run(run: str) -> str:
    """The training that an inner one is of, or itself, see `inner_runs`."""
    return run.partition("_inner")[0]


def inner_number(run: str) -> int | None:
    """Which inner training it is by its name, see `inner_runs`; None where it is none."""
    number = run.partition("_inner")[2]
    return int(number) if number else None
