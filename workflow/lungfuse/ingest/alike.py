"""Images of pairs that show the same, or nearly: what stands in for patients where a collection names none."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.duplicates.copies import alike_images
from lungfuse.duplicates.pictures import look_at
from lungfuse.files import read_array
from lungfuse.ingest.several_images import ids_of


@dataclass(frozen=True)
class ImageArray:
    """The decoded images: the path of their array, and its table `ImageIndex`."""

    path: Path
    index: pd.DataFrame

    def alike(self, pairs: pd.DataFrame, least: float) -> np.ndarray:
        """The positions of pairs that have images that are the same or of at least this likeness, int of shape
        (like, 2).

        A pair without an image is like none.

        Raises:
            UserError: the array cannot be read.
        """
        rows = ids_of(pairs).map(self.index.set_index("image_id")["row"])
        has = np.flatnonzero(rows.notna())
        array = read_array(self.path, len(self.index))
        pictures = look_at(array, rows.iloc[has].to_numpy(int), has, done=lambda _: None)
        found = alike_images(pictures, least) % len(pairs)
        return found[found[:, 0] != found[:, 1]]
