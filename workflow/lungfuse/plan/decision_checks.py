"""Whether the costs and the prevalence that decisions are scored at fit the task and the labels of a study."""

from collections.abc import Iterator
from math import isclose

from lungfuse import tasks
from lungfuse.plan.problems import Problem
from lungfuse.settings.study import Study
from lungfuse.words import joined


def decision_problems(study: Study) -> Iterator[Problem]:
    """What is wrong with the costs and the prevalence that decisions are scored at."""
    decision, spec = study.comparison.decision, tasks.task_spec(study.task)
    stated, labels = decision.prevalence, [rule.name for rule in study.filter.labels]
    if decision.cost_ratio != 1 and spec.exclusive and not spec.two_classes:
        yield (
            "comparison.decision.cost_ratio",
            f"found {decision.cost_ratio:g}; of several classes the likeliest is taken, so that errors cost the same. "
            "Say 1",
        )
    if stated is None:
        return
    if spec.two_classes and isinstance(stated, dict):
        yield "comparison.decision.prevalence", f"found a mapping, expected a number: the share of {labels[1]!r}"
    elif not spec.two_classes and not isinstance(stated, dict):
        yield "comparison.decision.prevalence", f"found {stated:g}, expected a mapping by label: {', '.join(labels)}"
    elif isinstance(stated, dict) and (unknown := set(stated) - set(labels)):
        yield "comparison.decision.prevalence", f"found {joined(unknown)}, expected some of {', '.join(labels)}"
    elif (
        isinstance(stated, dict)
        and spec.exclusive
        and (set(stated) != set(labels) or not isclose(sum(stated.values()), 1))
    ):
        found = ", ".join(f"{name} {share:g}" for name, share in stated.items())
        yield "comparison.decision.prevalence", f"found {found}; expected a share of every class, 1 in all"
