"""The columns of a table that name images: one, or several of which a case has an image each, or many in a cell."""

import re
from collections.abc import Iterable

import pandas as pd

from lungfuse.init.headings import NAME_OF_IMAGE
from lungfuse.init.patients import quoted
from lungfuse.init.profile import Profile
from lungfuse.init.roles import NONE, Roles, UserRoles, column_called
from lungfuse.vocabulary import column_name
from lungfuse.words import listed

LEAST = 0.3  # of the cells of a column name an image
MANY = 0.1  # of the cells name several
MOST = 4  # images of a case that are read
BETWEEN = [";", "|", ",", "\n", "\t", "，", "、", "；", "+", "&", " "]
OUTLINES = ("mask", "masks", "segmentation", "contour", "outline", "annotation", "maske", "маска")


def find_images(roles: Roles, free: dict[str, Profile], said: UserRoles, table: pd.DataFrame | None) -> None:
    """The columns of images; what is unsure of them is said."""
    if said.image is not None:
        named = [column_called(name, "image-column", free) for name in said.image if name != NONE]
    else:
        named = _naming_images(free)
        if len(named) > 1:
            roles.unsure.append(
                f"a case has an image of each of {listed(named)}: say --image-column {quoted(named[0])} to read one"
            )
    if not named:
        return
    roles.image = named[0]
    if len(named) > 1:
        roles.images = _places(named)
    elif table is not None and free[named[0]].several >= MANY:
        _find_between(roles, table[named[0]])


def _naming_images(free: dict[str, Profile]) -> list[str]:
    """The columns whose cells name images, but no outlines, and none that the column before them names."""
    fit = [found for found in free.values() if found.images >= LEAST]
    if not fit:
        return [found.name for found in free.values() if found.several >= MANY][:1]
    first = max(fit, key=_likely_image)
    others = [found for found in fit if found is not first and not found.called(*OUTLINES) and found.distinct > 1]
    taken, kept = {*first.words.index}, {first.name}
    for found in others:
        if not taken & {*found.words.index}:
            kept.add(found.name)
            taken |= {*found.words.index}
    return [name for name in free if name in kept] if first.name in kept else [first.name]


def _likely_image(found: Profile) -> tuple[float, bool, int]:
    return round(found.images, 1), found.called(*NAME_OF_IMAGE), found.distinct


def _places(headings: Iterable[str]) -> dict[str, str]:
    """The columns by what the images in them are called: by their heading, without the words that all share."""
    parts = {heading: re.findall(r"\w+", heading) for heading in headings}
    shared = set.intersection(*(set(words) for words in parts.values()))
    found: dict[str, str] = {}
    for heading, words in parts.items():
        own = "_".join(word for word in words if word not in shared) or heading
        found[column_name(own, found)] = heading
    return found


def _find_between(roles: Roles, cells: pd.Series) -> None:
    """What stands between the images of a cell, and how many of them are read."""
    bare = cells.str.strip("[]")
    counts = {each: bare.str.count(re.escape(each)) + 1 for each in BETWEEN}
    between = max(BETWEEN, key=lambda each: (counts[each] > 1).sum())
    most = int(counts[between].max())
    roles.between, roles.most_images = between, min(most, MOST)
    roles.unsure.append(
        f"cells of {roles.image} name up to {most} images, between which stands {between!r}: "
        + (f"the first {MOST} are read" if most > MOST else "all are read")
    )
