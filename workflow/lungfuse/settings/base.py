"""What all settings have in common, and the kinds of values that several sections use."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lungfuse.vocabulary import checked_label


def distinct(values: list) -> list:
    if twice := [value for value in values if values.count(value) > 1]:
        raise ValueError(f"found {twice[0]} more than once; list each once")
    return values


SECTION = r"[^\W\d_A-Z][^\WA-Z]*"  # letters of any script, digits and _, but no capital ones of ASCII
Section = Annotated[str, Field(pattern=f"^{SECTION}$")]
LabelName = Annotated[str, AfterValidator(checked_label)]
Images = Annotated[str, Field(pattern=r"^(|raw|mask-only|(mask-only|segmented|background):[a-z0-9]+(-[a-z0-9]+)*)$")]
Precision = Literal["auto", "fp32", "bf16"]
ClassWeights = Literal["none", "balanced"]
UNKNOWN = "unknown"
Known = Literal["before_image", "with_report", "after_outcome", "unknown"]  # when an input of a case is known
Share = Annotated[float, Field(ge=0, le=1)]
SeedCount = Annotated[int, Field(ge=1, le=20)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Once = AfterValidator(distinct)
Place = Annotated[str, Field(pattern=r"^\w+$")]  # of one of several images of a case, such as a view
View = str | Annotated[list[Place], Field(min_length=2), Once]  # one, or those of the several images of a case


def each_view(view: View) -> list[str]:
    """The views of the images that are read."""
    return [view] if isinstance(view, str) else view


class Settings(BaseModel):
    """Settings with no unknown keys and finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both_mappings = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = overlay(below[key], value) if both_mappings else value
    return merged
