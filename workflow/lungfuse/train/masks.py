"""How the masks of the images that a row reads were made, kept with what was trained."""

import json
import os
from pathlib import Path

from lungfuse.settings.segmentation import PACKAGED_SEGMENTER


def masks_made_by(mask_settings: Path, folder: Path) -> dict:
    """How masks were made, with the way from `folder` to their segmenter."""
    found = json.loads(mask_settings.read_text(encoding="utf-8"))
    if found["segmenter"] == PACKAGED_SEGMENTER:
        return found
    return found | {"segmenter": os.path.relpath(found["segmenter"], folder)}
