"""The rows of a study's comparison, and its folds, for its size and inputs."""

import re
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

LEAST_FOR_NETWORKS = 100  # cases
MOST_FOR_ALL_TOKENS = 10_000  # cases whose tokens are kept, 125 kB each
ENCODERS = {"image": "efficientnet-lite0", "text": "minilm"}
CLASSICAL = ["linear", "boosted"]
FUSED = ["early", "late"]
CHARACTERS = {"words": [1, 1], "characters": [2, 5]}  # n-grams
MORE = ["kv-exchange", "irene"]  # slow to train; written where a user asks for them


@dataclass
class Rows:
    """The rows by name, comments on them by name, and other settings that they ask for."""

    models: dict[str, dict[str, Any]]
    comments: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Inputs:
    """What rows may read: images, the sections of texts, and structured columns; `cases` is how many there are, `more`
    the architectures beside the usual ones, `places` those of the images of a case, where it has several, `numbers`
    whether a number is asked for, which not all learn, and `foreign` whether the text encoder knows few words of the
    texts."""

    images: bool
    sections: list[str]
    columns: list[str]
    cases: int
    more: tuple[str, ...] = ()
    places: list[str] = field(default_factory=list)
    numbers: bool = False
    foreign: bool = False

    @property
    def single(self) -> dict[str, dict[str, Any]]:
        """What a row of one modality reads, by the name of the modality; of texts the first section."""
        found: dict[str, dict[str, Any]] = {"image": {"images": "raw"}} if self.images else {}
        if self.sections:
            found["text"] = {"text": self.sections[0]}
        if self.columns:
            found["structured"] = {"structured": self.columns}
        return found

    @property
    def modalities(self) -> list[str]:
        return list(self.single)


def rows_of(inputs: Inputs) -> Rows:
    """The rows that fit: baselines and probes always, networks and fusion where there are cases enough."""
    rows = _rows_of(inputs)
    for name, row in rows.models.items():
        rows.models[name] = {key: value for key, value in row.items() if value != name or key != "architecture"}
    return rows


def _rows_of(inputs: Inputs) -> Rows:
    rows = Rows({baseline(inputs.numbers): {}})
    _add_baselines(rows, inputs)
    single = inputs.single
    if len(single) > 1:
        _add_classical(rows, single)
    if not single:
        rows.notes.append("No column is left that a model could read, so the baseline is the only model.")
        return rows
    if inputs.cases < LEAST_FOR_NETWORKS:
        rows.notes.append(f"{inputs.cases:,} cases are too few to train networks on, so none is among the models.")
        return rows
    rows.models |= single
    large = inputs.cases > MOST_FOR_ALL_TOKENS
    if len(single) > 1:
        _add_fusion(rows, single, large, inputs.more)
    if large and {"image", "text"} & {*single}:
        rows.settings["encoders"] = {"pooling": "mean"}
        rows.notes.append(
            f"{inputs.cases:,} cases: the mean token of each image and text is kept, not all, to save space; so "
            "kv-exchange and irene, which read all, are left out."
        )
    return rows


def baseline(numbers: bool) -> str:
    """The model that reads nothing."""
    return "mean" if numbers else "majority"


def _add_baselines(rows: Rows, inputs: Inputs) -> None:
    for number, section in enumerate(inputs.sections):
        name = f"tfidf_{section if section.isascii() else number + 1}" if number else "tfidf"
        rows.models[name] = {"architecture": _words(inputs), "text": section}
    if inputs.sections:
        rows.comments["tfidf"] = "counted words: what a text says without a network"
    if inputs.foreign:
        reads = {"text": inputs.sections[0], "settings": CHARACTERS}
        rows.models["tfidf_characters"] = {"architecture": _words(inputs)} | reads
        rows.comments["tfidf_characters"] = "counted characters: recommended, for the encoder knows few of the words"
    probes = {name: reads for name, reads in inputs.single.items() if name in ENCODERS}
    for name, reads in probes.items():
        rows.models["linear-probe" if len(probes) == 1 else f"linear-probe_{name}"] = {
            "architecture": "linear-probe"
        } | reads
    for number, place in enumerate(inputs.places if inputs.images else [], 1):
        called = place if re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", place) else number
        rows.models[f"linear-probe_image-{called}"] = {"architecture": "linear-probe", "images": f"raw@{place}"}
    if len(probes) > 1:
        rows.models["linear-probe_both"] = {"architecture": "linear-probe"} | probes["image"] | probes["text"]
    if inputs.columns:
        rows.models |= {"logistic": inputs.single["structured"], "boosting": inputs.single["structured"]}
    first = next((name for name in rows.models if name.startswith("linear-probe")), None)
    if first:
        rows.comments[first] = "a logistic regression on what a pretrained encoder sees"


def _words(inputs: Inputs) -> str:
    """The architecture that counts words and learns what is asked for."""
    return "tfidf-logistic" if inputs.numbers else "tfidf"


def _add_classical(rows: Rows, single: dict[str, dict[str, Any]]) -> None:
    """The same kinds of model on each input, each pair of several, and all: fusion and part differ in inputs alone."""
    for architecture in CLASSICAL:
        for count in range(1, len(single) + 1):
            for names in combinations(single, count):
                reads = {key: value for name in names for key, value in single[name].items()}
                name = architecture if count == len(single) else f"{architecture}_{'-'.join(names)}"
                rows.models[name] = {"architecture": architecture} | reads
    rows.comments[f"linear_{next(iter(single))}"] = "one kind of model on each input, and on several together"


def _add_fusion(rows: Rows, single: dict[str, dict[str, Any]], large: bool, more: tuple[str, ...]) -> None:
    names = list(single)
    everything = {key: value for reads in single.values() for key, value in reads.items()}
    if len(names) > 2:
        for first, second in [(0, 1), (0, 2), (1, 2)]:
            pair = [names[first], names[second]]
            rows.models[f"early_{'-'.join(pair)}"] = {"architecture": "early"} | single[pair[0]] | single[pair[1]]
    fitting = [name for name in [*FUSED, *more] if name != "irene" or "image" in names]
    for name in [name for name in fitting if not (large and name in MORE)]:
        rows.models[name] = everything
    rows.comments["early"] = "all inputs together, from here on; each row is compared with the best of its parts"


def folds_for(groups: int) -> tuple[int, float]:
    """Number of folds and share of validation, where the rarest class has so many groups; no folds where too few."""
    folds = min(5, groups // 3)
    return (folds, 0.15 if groups >= 25 else 0.25) if folds >= 2 else (0, 0.25)
