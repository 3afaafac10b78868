"""What each part of a study is worth: rows of the comparison that differ in one thing, tested against each other."""

import pandas as pd

from lungfuse.compare.scores import corrected, difference_with_interval, paired_p, right
from lungfuse.settings import ComparisonSettings, Row, contrasts
from lungfuse.tables import Ablations, columns


def ablate(
    names: list[str],
    models: list[Row],
    joined: list[pd.DataFrame],
    validated: list[float],
    settings: ComparisonSettings,
    seed: int,
) -> pd.DataFrame:
    """The table `Ablations`, from the rows and their predictions, each in the order of the same pairs.

    Of several rows that a row can be held against, the best is taken by `validated`, their accuracy on validation
    pairs. Groups and trainings are resampled, and groups exchanged between both rows.
    """
    groups = joined[0]["group"].to_numpy()[: joined[0]["pair_id"].nunique()]
    records = []
    for contrast in contrasts(models):
        best = max(contrast.changed, key=validated.__getitem__)
        intact, changed = right(joined[contrast.intact]), right(joined[best])
        row, often, often_changed = models[contrast.intact], intact.mean(axis=0), changed.mean(axis=0)
        against = difference_with_interval(changed, intact, groups, settings.confidence, settings.resamples, seed)
        record = {"model": row.label, "images": row.images, "text": row.text}
        record |= {"change": contrast.change, "changed": names[best], "n": len(groups)}
        record |= {"accuracy": intact.mean(), "accuracy_changed": changed.mean()}
        record |= dict(zip(["difference", "difference_low", "difference_high"], against, strict=True))
        record |= {"lost": (often * (1 - often_changed)).sum(), "gained": (often_changed * (1 - often)).sum()}
        records.append(record | {"p": paired_p(changed, intact, groups, settings.resamples, seed)})
    table = pd.DataFrame(records, columns=columns(Ablations))
    return table.assign(p_corrected=corrected(table["p"])).round(4)
