"""Images, grey or in colour: raw, cut out by the masks of a segmenter, these masks alone, or what is outside them.

A case with several images, such as both views of a chest, has a place for each: `raw@frontal` is the one at a place,
and `raw@frontal+lateral` those at both.
"""

import re

import pandas as pd

from lungfuse.tables.ingest import image_column

ORDER, ENCODED, COLOUR = 0, True, "#0072B2"
ARM = re.compile(r"(raw|mask-only|(mask-only|segmented|background):[a-z0-9]+(-[a-z0-9]+)*)(@\w+(\+\w+)*)?")


def check(choice: object) -> str:
    if not isinstance(choice, str) or not ARM.fullmatch(choice):
        raise ValueError(
            "expected raw, segmented:<segmenter>, background:<segmenter>, mask-only:<segmenter> or mask-only, with "
            "@<view> behind where a case has several images"
        )
    if len({*places_of(choice)}) < len(places_of(choice)):
        raise ValueError("expected each view once")
    return choice


def sources(choice: str) -> list[str]:
    return [f"{variant_of(choice)}@{place}" for place in places_of(choice)] or [choice]


def united(choices: list[str]) -> str:
    """What several models read together, by its places alone."""
    places = [place for choice in choices for place in places_of(choice)]
    return at_places(variant_of(choices[0]), list(dict.fromkeys(places)))


def variant_of(choice: str) -> str:
    """What is made of the images, without their places."""
    return choice.partition("@")[0]


def places_of(choice: str) -> list[str]:
    """The places of the images that are read, none where a case has one image."""
    return choice.partition("@")[2].split("+") if "@" in choice else []


def at_places(variant: str, places: list[str]) -> str:
    """The choice of the images at some places."""
    return f"{variant}@{'+'.join(places)}" if places else variant


def image_ids(pairs: pd.DataFrame, choice: str) -> pd.Series:
    """The id of the image of each pair at the place of a choice, the first of those at several; empty without one."""
    places = places_of(choice)
    return pairs[image_column(places[0]) if len(places) == 1 else "image_id"]
