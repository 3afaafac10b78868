"""Whether a row of the comparison table fits its study."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lungfuse.encoders import encoder_spec
from lungfuse.modalities import encoded
from lungfuse.settings.base import Settings, listed
from lungfuse.settings.problems import problem_in_words
from lungfuse.settings.rows import TRAINED, Row
from lungfuse.settings.training import EncoderSettings, TrainSettings

if TYPE_CHECKING:
    from lungfuse.settings.study import Study


def check_row(study: "Study", place: str, row: Row) -> None:
    """Raise ValueError where a row does not fit its study; `place` is where it stands."""
    if missing := set(row.inputs) - set(study.modalities):
        raise ValueError(f"{place}: needs {listed(missing)}, which is not among the modalities")
    _check_repeats(study, f"{place}.n_seeds", row)
    check_settings(f"{place}.train", TrainSettings, lambda: study.train_of(row))
    check_settings(f"{place}.encoders", EncoderSettings, lambda: study.encoders_of(row))
    if row.kind in TRAINED:
        _check_layers(study, f"{place}.train.layers", row)
    combined = set(row.inputs) if row.kind == "late" else set()
    if row.kind == "fusion" and study.train_of(row).init_from == "unimodal":
        combined = set(encoded(row.inputs))
    if absent := combined - set(study.parts_of(row)):
        raise ValueError(f"{place}: combines unimodal rows, but no row of model {listed(absent)} has the same input")
    if unknown := set(row.parts.values()) - set(study.models):
        raise ValueError(f"{place}.parts: there is no row {listed(unknown)}")
    if of_device := set(row.structured) & set(study.audit_columns if row.structured else []):
        raise ValueError(
            f"{place}.structured: no model may read {listed(of_device)}: the dataset {study.dataset} has it for audits "
            "alone, for it tells of how the data were acquired, not of the patient. Leave it out"
        )
    if row.text and row.text not in study.filter.text_fields:
        raise ValueError(f"{place}: reads {row.text}, which is not among filter.text_fields")


def check_settings(place: str, kind: type[Settings], made: Callable[[], Settings]) -> None:
    """Raise ValueError in words where settings of a `kind` cannot be made of what stands at a place."""
    try:
        made()
    except ValidationError as error:
        raise ValueError("; ".join(problem_in_words(place, each, kind) for each in error.errors())) from error


def _check_repeats(study: "Study", place: str, row: Row) -> None:
    if row.kind not in [*TRAINED, "late"]:
        if row.n_seeds:
            raise ValueError(f"{place}: found {row.n_seeds}, but {row.model} is fitted once a fold; leave it out")
        return
    for name in study.parts_of(row).values():
        part = study.models.get(name)
        if part and part.kind in TRAINED and study.n_seeds_of(part) < study.n_seeds_of(row):
            raise ValueError(
                f"{place}: found {study.n_seeds_of(row)}, but {name}, which it combines or starts from, is trained "
                f"{study.n_seeds_of(part)} times; say {study.n_seeds_of(part)} or less, or more for {name}"
            )


def _check_layers(study: "Study", place: str, row: Row) -> None:
    layers = study.train_of(row).layers
    for encoder in study.encoders_of(row).of(row.inputs).values():
        if layers.startswith("top:") and int(layers.removeprefix("top:")) > encoder_spec(encoder).layers:
            raise ValueError(
                f"{place}: found {layers}, but {encoder} has {encoder_spec(encoder).layers} layers; say full"
            )
