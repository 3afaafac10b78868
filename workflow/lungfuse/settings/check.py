"""The data check: from where on it stops a study, and what the study allows."""

from typing import Annotated

from pydantic import Field

from lungfuse.settings.base import Once, Settings, Share


class CheckLimits(Settings):
    """What stops a study before models are trained.

    An input that reaches the AUROC `leak_auroc` by itself gives the label away, as does a word that at least the share
    `leak_min_share` of the cases have and that only one class has. At most the share `contradicting` of the images may
    have two classes.
    """

    leak_auroc: Annotated[float, Field(gt=0.5, le=1)]
    leak_min_share: Annotated[float, Field(gt=0, le=1)]
    contradicting: Share


class CheckSettings(CheckLimits):
    """The data check; `allow` names findings that do not stop the study, as "<kind> <subject>"."""

    allow: Annotated[list[Annotated[str, Field(pattern=r"^[a-z-]+ \S")]], Once]
