"""Rows of a comparison that differ in one thing."""

from dataclasses import dataclass

from lungfuse.settings import Row


@dataclass(frozen=True)
class Contrast:
    """Two rows, by their positions, that differ in one thing: what the second reads in place of the first."""

    intact: int
    changed: int
    change: str


def contrasts(rows: list[Row]) -> list[Contrast]:
    """What the parts of a study are worth: other images, one input shuffled, and one input alone.

    Rows on segmented images or masks stand against the same model on raw images, shuffled rows against the intact one,
    fused rows against the unimodal row of each of their inputs. A row without its counterpart is left out.
    """
    found = []
    for position, row in enumerate(rows):
        if row.ablation or row.images not in ("", "raw"):
            intact = row.model_copy(update={"ablation": ""} if row.ablation else {"images": "raw"})
            if intact in rows:
                found.append(Contrast(rows.index(intact), position, row.ablation or row.images))
        elif len(row.inputs) == 2:
            alone = [(n, part) for n, part in enumerate(rows) if part.is_part_of(row)]
            found += [Contrast(position, n, f"{part.model} alone") for n, part in alone]
    return found
