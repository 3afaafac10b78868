"""What the page of a result shows of an outcome, ready to be written."""

from dataclasses import dataclass

from lungfuse_service.predictions.models import Prediction
from lungfuse_service.report_text.sentence import Sentence
from lungfuse_service.report_text.sentences import MODALITIES, sentences_of

CLOSING = set(".,;:!?)")  # marks that follow a word without a space
TINTS = 5  # strengths of the colour of a word


@dataclass(frozen=True)
class ResultPage:
    """`answer` is what is said in large: a class, names of labels, or that it is too uncertain to say."""

    answer: str
    certain: bool
    questions: list[dict]
    sentences: list[Sentence]
    methods: list[dict]
    modalities: list[dict]
    outlines: list[str]
    box: dict[str, float] | None


def result_page(prediction: Prediction) -> ResultPage:
    outcome = prediction.result.outcome
    explanation = outcome.get("explanation") or {}
    return ResultPage(
        prediction.result.answer,
        prediction.result.certain,
        [_question(each) for each in outcome["questions"]],
        sentences_of(outcome),
        [_method(each, explanation) for each in explanation.get("methods", [])],
        _bars({MODALITIES.get(name, name): worth for name, worth in explanation.get("modalities", {}).items()}),
        [_path(line) for line in (outcome.get("region") or {"lines": []})["lines"]],
        _box(outcome.get("region") or {}),
    )


def _question(question: dict) -> dict:
    held = [each["name"] for each in question["classes"] if each.get("in_set")]
    classes = question["classes"][-1:] if question["label"] else question["classes"]
    ordered = sorted(classes, key=lambda each: -each["probability"])
    return {"label": question["label"], "classes": ordered, "unsure": len(held) != 1, "held": held}


def _method(method: dict, explanation: dict) -> dict:
    words, columns = method.get("words") or [], method.get("columns") or []
    return method | {
        "tinted": [
            {"word": word, "tint": tint, "value": value, "space": word not in CLOSING}
            for word, tint, value in zip(explanation["words"], _tints(words), words, strict=False)
        ],
        "bars": _bars(
            {
                f"{name}: {cell}": value
                for (name, cell), value in zip(explanation["columns"].items(), columns, strict=False)
            }
        ),
    }


def _tints(values: list[float]) -> list[str]:
    """A class of the style sheet for each value: its sign, and how strong it is among them."""
    most = max(map(abs, values), default=0) or 1
    return [f"{'for' if value > 0 else 'against'}-{round(TINTS * abs(value) / most)}" for value in values]


def _bars(values: dict[str, float]) -> list[dict]:
    """Bars from the middle, in hundredths of the half width."""
    most = max(map(abs, values.values()), default=0) or 1
    lengths = {name: round(50 * abs(value) / most, 1) for name, value in values.items()}
    return [
        {
            "name": name,
            "value": value,
            "x": 50 if value > 0 else round(50 - lengths[name], 1),
            "width": lengths[name],
            "sign": "for" if value > 0 else "against",
        }
        for name, value in values.items()
    ]


def _box(region: dict) -> dict[str, float] | None:
    """The box of a region, in hundredths of the image's width and height."""
    if (box := only_box(region)) is None:
        return None
    return {name: round(100 * share, 2) for name, share in zip(["x", "y", "width", "height"], box, strict=True)}


def only_box(region: dict) -> list[float] | None:
    """The box of a region of one component: left, top, width and height, as shares of those of the image."""
    boxes = region.get("boxes", [])  # of older results none is known
    return boxes[0] if len(boxes) == 1 else None


def _path(line: list[list[float]]) -> str:
    return " ".join(f"{100 * x:.2f},{100 * y:.2f}" for x, y in line)
