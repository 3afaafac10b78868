"""Run an analysis: give it what it asks for, and write its table, figure and page."""

from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from lungfuse import registry
from lungfuse.compare.results import Compared, Results
from lungfuse.errors import UserError
from lungfuse.files import atomic_write
from lungfuse.parameters import Heading, Question, options
from lungfuse.report.layout import table_page
from lungfuse.report.style import heading, save
from lungfuse.tables.base import read_table, write_table
from lungfuse.tasks import load_task

ANALYSES = "lungfuse.analyses"


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    table
        Output: the table, where the analysis has one.
    page
        Output: the table as a page of HTML.
    figure
        Output: the figure as SVG, where the analysis has one.
    """

    table: Path | None = None
    page: Path | None = None
    figure: Path | None = None


def main(
    *,
    name: str,
    study_heading: Heading,
    question: Question,
    compared: Compared,
    given: dict[str, Any],
    files: dict[str, Path | list[Path]],
    outputs: Outputs,
) -> None:
    """Make the table, the figure and the page of an analysis.

    Parameters
    ----------
    name
        Name of the analysis.
    study_heading
        What stands above.
    question
        What the study asks of a pair.
    compared
        The models of the comparison; none, where the analysis reads no predictions.
    given
        The settings that the analysis declares, by name.
    files
        The files that it declares, by name.
    outputs
        What is written.
    """
    module = registry.load(ANALYSES, name)
    known = {**files, **given, "above": heading(study_heading.title, study_heading.notice)}
    known |= {"task": load_task(question.task, question.labels), "results": Results(compared)}
    if outputs.table:
        write_table(called(module.compute, known), outputs.table, module.TABLE)
        known["table"] = read_table(outputs.table, module.TABLE)
        print(known["table"].to_string(index=False))
    if outputs.page:
        with atomic_write(outputs.page) as stream:
            stream.write(table_page(module.TITLE, known["above"], known["table"], module.CAPTION))
    if outputs.figure:
        save(called(module.draw, known), outputs.figure)


def called(function: Callable, known: dict[str, Any]) -> Any:
    """What a function returns that is given what it asks for, by the names of its parameters.

    Raises:
        UserError: it asks for something that is not known.
    """
    asked = signature(function).parameters
    needed = [name for name, parameter in asked.items() if parameter.default is Parameter.empty]
    if unknown := [name for name in needed if name not in known]:
        raise UserError(
            f"{function.__code__.co_filename}: {function.__name__} asks for {', '.join(unknown)}, but is given "
            f"{', '.join(known)}. Name it in READS or SETTINGS, or fix the parameter."
        )
    return function(**{name: known[name] for name in asked if name in known})
