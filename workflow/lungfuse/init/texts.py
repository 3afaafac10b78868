"""Whether cases with the same text stay in one fold: not where texts are templates or keywords."""

from typing import Any

from lungfuse.ingest.groups import NONE, group_pairs, normalise
from lungfuse.init.cases import Cases
from lungfuse.init.draft import Draft

APART = ["patient", "column"]
LARGE = 0.1  # of the cases, in one group
FEWER = 0.5  # groups than without texts


def set_groups(draft: Draft, cases: Cases, said: str | None) -> bool:
    """Write that equal texts do not keep cases together, where that is said, or where they would join many."""
    if not draft.entry["filter"].get("text_fields"):
        return False
    if said is None and (why := _why_apart(cases)):
        said = "apart"
        draft.say(why, "filter", "group_by")
        draft.unsure.append(
            f"{why}, so equal texts may be in several folds: say --same-texts together to keep them in one"
        )
    if said == "apart":
        draft.entry["filter"]["group_by"] = APART
    return said == "apart"


def _why_apart(cases: Cases) -> str:
    """How many groups the same texts would join, where these are too many; else nothing."""
    pairs: Any = cases.pairs
    alone = pairs.assign(group=group_pairs(pairs, APART, NONE))["group"].value_counts()
    sizes = pairs["group"].value_counts()
    if sizes.iloc[0] <= max(LARGE * len(pairs), 2 * alone.iloc[0]) and len(sizes) >= FEWER * len(alone):
        return ""
    texts = normalise(pairs["text"])
    counts = texts[texts != ""].value_counts()
    first = pairs["text"][texts == counts.index[0]].iloc[0]
    return (
        f"{counts.iloc[0]:,} of {len(pairs):,} texts are {first[:60]!r}; the same texts would join {len(alone):,} "
        f"groups to {len(sizes):,}"
    )
