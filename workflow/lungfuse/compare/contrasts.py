"""Rows of a comparison that differ in one thing."""

from dataclasses import dataclass

from lungfuse.settings.rows import Row


@dataclass(frozen=True)
class Contrast:
    """Rows, by their positions, that differ from one row in one thing: what they read in place of it."""

    intact: int
    changed: list[int]
    change: str


def contrasts(rows: list[Row]) -> list[Contrast]:
    """What the parts of a study are worth: other images, one input shuffled, and one input alone.

    Rows on segmented images or masks stand against the same model on raw images, shuffled rows against the intact one,
    fused rows against the rows of any model that read one of their inputs alone. A row without its counterpart is left
    out.
    """
    found = []
    for position, row in enumerate(rows):
        if row.ablation or row.images not in ("", "raw"):
            intact = row.model_copy(update={"ablation": ""} if row.ablation else {"images": "raw"})
            if intact in rows:
                found.append(Contrast(rows.index(intact), [position], row.ablation or row.images))
        elif len(row.inputs) == 2:
            for modality in sorted(row.inputs):
                alone = [n for n, part in enumerate(rows) if part.sources == {row.reads(modality)}]
                found += [Contrast(position, alone, f"{modality} alone")] if alone else []
    return found
