"""What each part of a study is worth: rows of the comparison that differ in one thing, tested against each other."""

import pandas as pd

from lungfuse.compare.contrasts import contrasts
from lungfuse.compare.scores import difference_with_interval, paired_p
from lungfuse.settings import ComparisonSettings, Row
from lungfuse.tables import Ablations, columns


def ablate(models: list[Row], joined: list[pd.DataFrame], settings: ComparisonSettings, seed: int) -> pd.DataFrame:
    """The table `Ablations`, from the rows and their predictions, each in the order of the same pairs.

    Groups are resampled, and exchanged between both rows.
    """
    right = [(frame["label"] == frame["prediction"]).to_numpy() for frame in joined]
    groups = joined[0]["group"].to_numpy()
    records = []
    for contrast in contrasts(models):
        intact, changed = right[contrast.intact], right[contrast.changed]
        row = models[contrast.intact]
        against = difference_with_interval(changed, intact, groups, settings.confidence, settings.resamples, seed)
        record = {"model": row.label, "images": row.images, "text": row.text, "change": contrast.change}
        record |= {"n": len(groups), "accuracy": intact.mean(), "accuracy_changed": changed.mean()}
        record |= dict(zip(["difference", "difference_low", "difference_high"], against, strict=True))
        record |= {"lost": (intact & ~changed).sum(), "gained": (changed & ~intact).sum()}
        records.append(record | {"p": paired_p(changed, intact, groups, settings.resamples, seed)})
    return pd.DataFrame(records, columns=columns(Ablations)).round(4)
