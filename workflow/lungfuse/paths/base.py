"""What all parts of the paths of a study have in common."""

from dataclasses import dataclass
from pathlib import Path

from lungfuse.settings.study import Study


@dataclass(frozen=True)
class StudyPaths:
    """What all parts of the paths of a study have in common."""

    name: str
    study: Study

    @property
    def results(self) -> Path:
        return Path("results") / self.name

    @property
    def logs(self) -> Path:
        return Path("logs") / self.name

    def _data(self, kind: str) -> Path:
        return Path("data") / kind / self.name
