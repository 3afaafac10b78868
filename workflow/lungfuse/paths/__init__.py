"""Where every file of a study lies, from the root folder of the project."""

from lungfuse.paths.report import ReportPaths


class Paths(ReportPaths):
    """The files of one study, by the names that stages use for their inputs and outputs."""
