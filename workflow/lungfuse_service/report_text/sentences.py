"""The sentences of a report: of the result, its meaning, the region, what decided, and what the model lacked."""

from collections.abc import Iterator

from lungfuse_service.report_text.sentence import Path, Sentence, Value

WITHOUT = {"image": "an image", "text": "a text"}
MODALITIES = {"structured": "values"}  # as people call them


def percent(share: float) -> str:
    return "less than 1 %" if share < 0.01 else "more than 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def named(name: str) -> str:
    return f"“{name.replace('_', ' ')}”"


def sentences_of(outcome: dict) -> list[Sentence]:
    """The report of an outcome, see `lungfuse_service.inference.outcome`."""
    return [*_results(outcome), *_region(outcome), *_reasons(outcome), *_lacks(outcome)]


def _results(outcome: dict) -> Iterator[Sentence]:
    for number, question in enumerate(outcome["questions"]):
        place = ("questions", number)
        yield _likeliest(outcome, place)
        if outcome["coverage"] is not None:
            yield _set(outcome, place)
            yield from _meaning(outcome, place)
        if question["label"] and number + 1 == len(outcome["questions"]):
            return


def top_class(question: dict) -> int:
    """The position of the likeliest class; of a label, whether it is there."""
    classes = question["classes"]
    return max(range(len(classes)), key=lambda position: classes[position]["probability"])


def _class_value(place: Path, position: int, key: str) -> Path:
    return (*place, "classes", position, key)


def _likeliest(outcome: dict, place: Path) -> Sentence:
    top = top_class(_at(outcome, place))
    values = {
        "name": Value(_class_value(place, top, "name"), named),
        "probability": Value(_class_value(place, top, "probability"), percent),
        "model": Value(("made_by", "name")),
        "folds": Value(("made_by", "folds")),
    }
    template = "The model ({model}, the mean over {folds} trainings) gives {name} a probability of {probability}."
    return Sentence("result", template, values, outcome)


def _set(outcome: dict, place: Path) -> Sentence:
    classes = _at(outcome, place)["classes"]
    held = [position for position, each in enumerate(classes) if each["in_set"]]
    values = {f"name{position}": Value(_class_value(place, position, "name"), named) for position in held}
    values["coverage"] = Value(("coverage",), percent)
    names = [f"{{name{position}}}" for position in held]
    if len(held) == 1:
        template = f"At {{coverage}} confidence it is sure enough to say: {names[0]}."
    elif held:
        template = (
            f"It is too uncertain to say: at {{coverage}} confidence it can be {', '.join(names[:-1])} or {names[-1]}."
        )
    else:
        template = (
            "It is too uncertain to say: at {coverage} confidence the case is unlike the study's cases of any class."
        )
    return Sentence("certainty", template, values, outcome)


def _meaning(outcome: dict, place: Path) -> Iterator[Sentence]:
    top = top_class(_at(outcome, place))
    near = _class_value(place, top, "near")
    if _at(outcome, near)["share"] is None:
        return
    values = {
        "cases": Value((*near, "cases"), lambda count: f"{count:,} case" + "s" * (count != 1)),
        "low": Value((*near, "low"), percent),
        "high": Value((*near, "high"), percent),
        "share": Value((*near, "share"), percent),
        "name": Value(_class_value(place, top, "name"), named),
    }
    template = "Of the {cases} of the study that got a probability between {low} and {high}, {share} were {name}."
    yield Sentence("meaning", template, values, outcome)


def _region(outcome: dict) -> Iterator[Sentence]:
    if outcome.get("region"):
        values = {"name": Value(("region", "name")), "share": Value(("region", "share"), percent)}
        yield Sentence("region", "The outline of the {name} encloses {share} of the image.", values, outcome)


def _reasons(outcome: dict) -> Iterator[Sentence]:
    explanation = outcome.get("explanation") or {}
    worth = explanation.get("modalities", {})
    if len(worth) < 2:
        return
    order = sorted(worth, key=lambda name: -abs(worth[name]))
    values = {"target": Value(("explanation", "target"), named)}
    parts = []
    for position, name in enumerate(order):
        values[f"worth{position}"] = Value(("explanation", "modalities", name), lambda value: f"{value:+.2f}")
        parts.append(f"the {MODALITIES.get(name, name)} {{worth{position}}}")
    says = (
        f"What decided on {{target}}, in log odds: {', '.join(parts[:-1])} and {parts[-1]}; above zero speaks for it."
    )
    yield Sentence("reasons", says, values, outcome)


def _lacks(outcome: dict) -> Iterator[Sentence]:
    for position in range(len(outcome["missing"])):
        values = {"name": Value(("missing", position), lambda name: WITHOUT.get(name, f"a value of {name}"))}
        yield Sentence("missing", "The model decided without {name}.", values, outcome)
    for position in range(len(outcome["notes"])):
        yield Sentence("note", "Note: {note}.", {"note": Value(("notes", position))}, outcome)


def _at(outcome: dict, place: Path):
    return Value(place).read(outcome)
