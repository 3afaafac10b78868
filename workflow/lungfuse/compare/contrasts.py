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
    """What the parts of a study are worth: other images, one input shuffled, dropped, alone, or left out.

    Rows on segmented images or masks stand against the same model on raw images, and shuffled or dropped rows against
    the intact one. Fused rows stand against the rows of any model that read one of their inputs alone and, where they
    read three or more, against those that read all others. A row without its counterpart is left out.
    """
    found = []
    for position, row in enumerate(rows):
        if row.ablation or row.images not in ("", "raw"):
            other = {"ablation": ""} if row.ablation else {"inputs": row.inputs | {"image": "raw"}}
            intact = row.model_copy(update=other)
            if intact in rows:
                found.append(Contrast(rows.index(intact), [position], row.ablation or row.images))
        elif len(row.inputs) > 1:
            parts = {f"{modality} alone": [modality] for modality in row.modalities}
            if len(row.inputs) > 2:
                others = {modality: [each for each in row.inputs if each != modality] for modality in row.modalities}
                parts |= {f"without {modality}": left for modality, left in others.items()}
            for change, modalities in parts.items():
                reading = [n for n, part in enumerate(rows) if _reads(part, row, modalities)]
                found += [Contrast(position, reading, change)] if reading else []
    return found


def fused_inputs(models: list[Row]) -> list[set[str]]:
    """The sets of inputs that rows of a study fuse, each once, in the order of the rows."""
    found = [frozenset(row.sources) for row in models if len(row.inputs) > 1 and not row.ablation]
    return list(map(set, dict.fromkeys(found)))


def _reads(part: Row, row: Row, modalities: list[str]) -> bool:
    """Whether a row reads what another reads of these modalities, and nothing else."""
    read = {source for source in row.sources if source.split(" ", 1)[0] in modalities}
    return not part.ablation and part.sources == read
