"""Where a model's errors come from: its scores at each site."""

import pandas as pd
from matplotlib.figure import Figure

from lungfuse.compare.results import Results
from lungfuse.compare.subsets import scores_of_some
from lungfuse.models.naming import named
from lungfuse.report.forest import AXIS, LINE, forest
from lungfuse.report.style import BLUE, grid, row_names
from lungfuse.settings.comparison import Intervals
from lungfuse.tables.comparison import Sites, limits
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Sites", "Subgroups", 3
CAPTION = (
    "Each model at each site, with intervals by bootstrap over groups, and, of two classes, its errors. A model "
    "that only distinguishes sites scores well over all of them and badly at each. Undefined values are omitted: "
    "patients of one class have no AUROC."
)
WANTED = ["dataset.SITES"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.seed"]
TABLE = Sites


def compute(results: Results, intervals: Intervals, seed: int) -> pd.DataFrame:
    """Every model at each site.

    Sites differ in patients and in the look of their images. A model of the site alone scores well over all of
    them and badly at each.
    """
    records = []
    for name, model, joined in zip(results.names, results.models, results.joined, strict=True):
        by_site = joined.merge(results.pairs[["pair_id", "site"]]).groupby("site")
        records += [
            named(model) | {"row": name, "site": site} | scores_of_some(results.task, part, intervals, seed)
            for site, part in by_site
        ]
    return pd.DataFrame(records)


def draw(table: pd.DataFrame, task: Task, above: str) -> Figure:
    """The primary metric of each model at each site, a panel a site."""
    by_site = table.groupby("site", sort=False)
    rows = table.groupby("site").size().max()
    figure, panels = grid(above, by_site.ngroups, 3, LINE * rows + 0.5, sharey=True, sharex=True)
    for panel, (name, at_site) in zip(panels, by_site, strict=True):
        forest(panel, row_names(at_site), limits(at_site, task.primary), [BLUE] * len(at_site))
        panel.set_title(f"{name or 'not said'} ({at_site['n'].iloc[0]} pairs)")
    figure.supxlabel(AXIS[task.primary], fontsize="medium")
    return figure
