"""Whether the searches of a study name settings that its models have, and values that these may take."""

from collections.abc import Iterator

from lungfuse.models import kind_spec
from lungfuse.plan.model_checks import check_settings
from lungfuse.plan.problems import Problem, settings_problems
from lungfuse.plan.resolve import parts_trained
from lungfuse.plan.search_space import Kind, at_point, decides_reading, searchable, values_of
from lungfuse.settings.model import ModelSettings
from lungfuse.settings.problems import suggestion
from lungfuse.settings.search import Range
from lungfuse.settings.study import Study
from lungfuse.settings.training import FusionSettings

MOST_VARIANTS = 100  # combinations of choices that decide what is read


def check_searches(study: Study) -> Iterator[Problem]:
    """What is wrong with the searches of a study; with each dimension, the first thing."""
    for name, model in study.models.items():
        place = f"models.{name}.search"
        if model.search and kind_spec(model.architecture).combines:
            yield place, f"{model.architecture} has no settings to search for; search for those of its parts"
        elif model.search:
            for key, dimension in model.search.space.items():
                for problem in _of_dimension(study, name, key, dimension):
                    yield f"{place}.space.{key}", problem
                    break
            yield from _of_variants(place, model)
    yield from _of_parts(study)


def _of_dimension(study: Study, name: str, key: str, dimension: Range | list) -> Iterator[str]:
    known = searchable(study, study.models[name])
    if key not in known:
        expected = ", ".join(known) or f"none, for {study.models[name].architecture} has no settings"
        yield f"no setting of {name}{suggestion(key, known)}. Expected one of {expected}"
        return
    if problem := _of_range(dimension, known[key]) if isinstance(dimension, Range) else "":
        yield problem
        return
    for value in values_of(dimension, known[key]):
        for problem in _of_value(study, name, key, value):
            yield f"{value!r} is none of its values: {problem}"
            return


def _of_range(dimension: Range, kind: Kind) -> str:
    if kind == "choice":
        return "found a range, but its values are no numbers; expected a list of choices"
    ends = [dimension.low, dimension.high, *([dimension.step] if dimension.step is not None else [])]
    if kind == "whole" and (broken := [end for end in ends if end != int(end)]):
        return f"found {broken[0]:g}, but its values are whole numbers; expected such for low, high and step"
    return ""


def _of_value(study: Study, name: str, key: str, value: object) -> Iterator[str]:
    """What is wrong with a value of a setting, found as if the study said it."""
    section, _, rest = key.partition(".")
    if section == "fusion":
        own = study.fusion.model_dump() | {rest: value}
        found = list(settings_problems("", FusionSettings, lambda: FusionSettings.model_validate(own, strict=True)))
    else:
        changed = at_point(study, name, {key: value})
        found = list(check_settings(changed, changed.models[name]))
    yield from (what for _, what in found)


def _of_variants(place: str, model: ModelSettings) -> Iterator[Problem]:
    count = 1
    for key, dimension in model.search.space.items():
        if decides_reading(key) and isinstance(dimension, list):
            count *= len(dimension)
    if count > MOST_VARIANTS:
        yield (
            place,
            f"its choices of encoders, layers and starts make {count} combinations; {MOST_VARIANTS} are allowed",
        )


def _of_parts(study: Study) -> Iterator[Problem]:
    """Where a model starts from is known before it is searched for."""
    for name, model in study.models.items():
        for part in [] if kind_spec(model.architecture).combines else parts_trained(study, model):
            search = study.models[part].search
            if key := next(filter(decides_reading, search.space), "") if search else "":
                yield (
                    f"models.{part}.search.space.{key}",
                    f"{name} starts from {part}, so what {part} reads cannot be left to a search; leave {key} out, or "
                    f"name another model under parts of {name}",
                )
