"""When each input of a model is known, and what a comparison of models that read it can mean.

A model is used when the image is read. What is known by then may help the reader. What is written with the report comes
from someone who has seen the image, so a model that gains by it shows what the report gives away. What is written after
the outcome cannot be had when the question is asked.
"""

from collections.abc import Mapping

from lungfuse.modalities import modality_names
from lungfuse.models.naming import sources_of
from lungfuse.settings.base import UNKNOWN
from lungfuse.settings.model import ModelInputs
from lungfuse.words import joined

IMAGE = "with_image"
SHOWN_AS = {  # in their order, see `lungfuse.settings.base.Known`
    "before_image": "before the image",
    IMAGE: "",
    "with_report": "with the report",
    "after_outcome": "after the outcome",
    UNKNOWN: "at a time that is not known",
}
BY_READING = {"before_image", IMAGE}


def times_of(model: ModelInputs, known: Mapping[str, str]) -> dict[str, str]:
    """When each single input of a model is known, by its name as in `sources_of`; images are `with_image`.

    `known` is that of a study, see `lungfuse.datasets.known_of`; an input that it lacks has the time unknown.
    """
    return {source: _time_of(source, known) for source in sorted(sources_of(model))}


def _time_of(source: str, known: Mapping[str, str]) -> str:
    return IMAGE if source.startswith("image ") else known.get(source, UNKNOWN)


def words(times: Mapping[str, str]) -> str:
    """The inputs with their times, the image first: image; indication, age before the image; findings with the report.

    Images count as one, whatever of them is read.
    """
    order = [IMAGE, *(time for time in SHOWN_AS if time != IMAGE)]
    by_time = {time: named(times, time) for time in order}
    return "; ".join(
        " ".join(filter(None, [", ".join(by_time[time]), SHOWN_AS[time]])) for time in order if by_time[time]
    )


def named(times: Mapping[str, str], *which: str) -> list[str]:
    """The inputs of some times, without their modality: texts before columns; images count as one."""
    found = [source.split(" ", 1) for source, time in times.items() if time in which]
    by_modality = [each for modality in modality_names() for each in found if each[0] == modality]
    return list(dict.fromkeys("image" if modality == "image" else name for modality, name in by_modality))


def of_different_times(times: Mapping[str, str]) -> bool:
    """Whether some inputs are known when the image is read and others later, or at a time that is not known."""
    moments = {IMAGE if time in BY_READING else time for time in times.values()}
    return len(moments) > 1


def is_leak_check(times: Mapping[str, str]) -> bool:
    """Whether an input is written by someone who has seen the image, or knows the outcome: what is gained by it is what
    it gives away."""
    return bool(named(times, "with_report", "after_outcome"))


def verdict_refused(times: Mapping[str, str]) -> str | None:
    """Why there can be no verdict on whether inputs help, in words; None where there can be one."""
    late = named(times, "after_outcome")
    if not late:
        return None
    return f"{joined(late)}: written by someone who knew the outcome, so not there when the image is read"
