"""What jobs ask of a machine, by the size of their study."""

from functools import cache
from math import ceil
from pathlib import Path

from lungfuse.plan.plan import Plan
from lungfuse.plan.search_space import variants_of
from lungfuse.tuning import tuning

REPORT_BYTES_AN_IMAGE = 190  # of OpenI, packed
MINUTES_MS = 1 / 60_000
BASELINE_MB, HASHED_MB = 30 / 1000, 5 / 1000  # a pair


class Sizes:
    """The size of a study, and what its jobs ask for."""

    def __init__(self, plan: Plan):
        self.plan = plan

    def scaled(self, least: float, each: float, of: str, attempt: int) -> int:
        """The more of `least` and `each` for every pair, or image; doubled with each attempt after the first."""
        count = {"pairs": self.pairs, "images": self.images}[of]() if each else 0
        return ceil(max(least, each * count) * 2 ** (attempt - 1))

    def images(self) -> int:
        """How many images the reports of the study name; before they are read, a guess from the size of their files."""
        if (found := rows_of(self.plan.layout.reports["views"])) is not None:
            return found
        published = {name: download.bytes or 0 for name, download in self.plan.dataset.DOWNLOADS.items()}
        files = self.plan.report_files
        sizes = [file.stat().st_size if file.exists() else published.get(file.name, 0) for file in files]
        return sum(sizes) // REPORT_BYTES_AN_IMAGE

    def pairs(self) -> int:
        """How many pairs the study has; before they are found, the number of images, which is more."""
        found = rows_of(self.plan.layout.split["pairs"])
        return self.images() if found is None else found

    def baseline_mb(self, model: str) -> float:
        """Memory a pair: a baseline that hashes n-grams holds the table of pairs alone."""
        return HASHED_MB if self.plan.configs[model].settings.get("buckets") else BASELINE_MB

    def is_short(self, model: str) -> bool:
        """Whether training a model takes a minute, because its encoders do not learn."""
        return not any(tuning(each.train.layers).learns for each in variants_of(self.plan.configs[model]))

    def training_minutes(self, model: str) -> int:
        return 30 if self.is_short(model) else 240

    def training_minutes_a_pair(self, model: str) -> float:
        return self._epochs(model) * (2 if self.is_short(model) else 5) * MINUTES_MS

    def _epochs(self, model: str) -> float:
        """How long a model learns at most."""
        config = self.plan.configs[model]
        dimension = config.search.space.get("train.epochs", []) if config.search else []
        ends = dimension if isinstance(dimension, list) else [dimension.high]
        return max([config.train.epochs, *ends])

    def waiting(self, model: str) -> int:
        """How many jobs wait for each other behind a model: those that read it, and its explanation.

        Trainings before long chains come first, so that no long job is left alone at the end.
        """
        plan = self.plan
        readers = [name for name, config in plan.configs.items() if model in config.parts.values()]
        return (model in plan.explained) + max([1 + self.waiting(reader) for reader in readers], default=0)

    def training_group(self, model: str, run: str) -> str:
        """The short trainings of a fold are submitted to a cluster together, others alone, or with their search."""
        if model in self.plan.searches:
            return self.search_group(model, run)
        return f"fold{run}" if self.is_short(model) else f"{model}_fold{run}"

    def search_group(self, model: str, run: str, **which: str) -> str:
        """A round of a search is submitted as one where its trials are short, else each of its jobs alone.

        Of a submission that fails, Snakemake removes all that its jobs have made, so it is no more than a round.
        """
        long = self.plan.configs[model].train and not self.is_short(model)
        named = [f"{kind}{number}" for kind, number in which.items() if long or kind == "round"]
        return "_".join([model if long else f"search_{model}", f"fold{run}", *named])

    def features_group(self, source: str, reads: str) -> str:
        """The features of a trained encoder are made with the short trainings of its fold."""
        _, trained, run = source.rpartition("/fold")
        return f"fold{run}" if trained else f"features_{source}_{reads}"


def rows_of(table: Path) -> int | None:
    """The rows of a table, or None where there is no such file."""
    return _rows_of(table, table.stat().st_mtime_ns) if table.exists() else None


@cache
def _rows_of(table: Path, changed: int) -> int:
    with table.open("rb") as stream:
        return sum(1 for _ in stream) - 1
