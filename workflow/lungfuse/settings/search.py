"""The search of a model for its settings: its entry in params.yaml, and what the file of the model says of it."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from lungfuse.settings.base import Once, Settings

Choices = Annotated[list[Any], Field(min_length=2), Once]
Sampler = Literal["tpe", "random"]
Count = Annotated[int, Field(ge=1, le=100)]


class Range(Settings):
    """Numbers from `low` to `high`, both among them: on a logarithmic scale, or `step` apart."""

    low: float
    high: float
    log: bool = False
    step: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def ends_are_in_order(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low:g} has no logarithm; start above 0, or leave log out")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other; leave one out")
        return self


Dimension = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")],
    Discriminator(lambda found: "choices" if isinstance(found, list) else "range"),
]


class SearchSettings(Settings):
    """A search for settings of a model, in each fold anew and on the training part of the fold alone.

    Each of `rounds` proposes `width` points of the `space`: by dotted names of settings, such as train.learning_rate, a
    range of numbers or a list of choices. `sampler` is tpe, which learns from earlier rounds, or random, the control.
    With `prune` a training ends early that does worse than the median of earlier rounds at the same epoch.
    """

    rounds: Count
    width: Count
    space: Annotated[dict[str, Dimension], Field(min_length=1)]
    sampler: Sampler = "tpe"
    prune: bool = True

    @field_validator("space", mode="before")
    @classmethod
    def dimensions_are_ranges_or_choices(cls, space: Any) -> Any:
        for name, found in space.items() if isinstance(space, dict) else []:
            if not isinstance(found, dict | list | Settings):
                raise ValueError(f"{name}: found {found!r}, expected {{low: ..., high: ...}} or a list of choices")
        return space


class Interval(Range):
    """A range of whole numbers, or of any."""

    whole: bool


class Variant(Settings):
    """What some choices change of the file of a model, where they decide what a training reads."""

    chosen: dict[str, Any]
    changes: dict[str, Any]


class SearchConfig(Settings):
    """A search as the file of its model has it.

    `metric`, that by which models are compared, is what is maximised on validation pairs. `variants` are all
    combinations of those choices that decide what a training reads; without such choices there are none.
    """

    rounds: Count
    width: Count
    space: dict[str, Interval | Choices]
    sampler: Sampler
    prune: bool
    metric: str
    variants: list[Variant] = Field(default=[])
