"""The comparison, the audit of leakage, and the search for shortcuts."""

from typing import Annotated, Literal

from pydantic import Field

from lungfuse.settings.base import Images, Once, Section, Settings, Share

OpenShare = Annotated[float, Field(gt=0, lt=1)]


class PublishedFigure(Settings):
    """An accuracy somebody else reported for these inputs, and what it rests on."""

    images: Images
    text: Section | Literal[""]
    accuracy: Share
    basis: str


class Intervals(Settings):
    """The confidence of intervals, and how many resamples they rest on."""

    confidence: Annotated[float, Field(gt=0, lt=1)]
    resamples: Annotated[int, Field(ge=100)]


class ComparisonSettings(Intervals):
    """The comparison table: its intervals, the `primary` score by which models are compared, the published figures
    beside them, and whether it has `timings`.

    Seconds differ from run to run; a table without them is the same to the byte. `published_epochs` names the models
    whose accuracies are shown epoch by epoch, each with the published ones, if any. `subgroups` names the columns by
    whose values gains are shown separately: a number with the bounds of its bands, a category, or `site`, with none.
    """

    margin: Annotated[float, Field(gt=0, lt=1)]
    primary: Literal["auroc", "accuracy", "balanced_accuracy", "concordance", "r2"]
    timings: bool
    published: list[PublishedFigure]
    published_epochs: dict[str, list[Share]] = Field(default={})
    subgroups: dict[Section, list[float]] = Field(default={})


class DecisionSettings(Settings):
    """What errors cost where a model is used, and how frequent the labels are there.

    `cost_ratio` is the cost of a missed positive relative to that of a false alarm: a pair is called positive from a
    probability of 1 / (1 + cost_ratio) on. `prevalence` is the share of positives of two classes, a mapping with the
    share of every class where there are more, or of some of several labels; null is the share of the study's pairs.
    """

    cost_ratio: Annotated[float, Field(gt=0)]
    prevalence: OpenShare | dict[str, OpenShare] | None


class EvaluationSettings(ComparisonSettings):
    """The comparison, and how its models are used: `decision`, and `sensitivities` that thresholds are chosen for."""

    decision: DecisionSettings
    sensitivities: Annotated[list[OpenShare], Once]


class LeakageSettings(Settings):
    """The audit of the published protocol on these `sections` of the report; none, no audit.

    Splits are drawn anew `draws` times; the model learns for `epochs`.
    """

    sections: Annotated[list[Section], Once]
    draws: Annotated[int, Field(ge=1)]
    epochs: Annotated[int, Field(ge=2)]


class ShortcutSettings(Settings):
    """What little may predict the label by itself, looked for in the sections that are audited for leakage.

    `words` may predict it, besides the names of the labels: whole words or phrases, in any case.
    """

    words: Annotated[list[Annotated[str, Field(pattern=r"\w")]], Once]
