"""Which models a table or figure shows that has several rows for each."""

from lungfuse.compare.results import Results
from lungfuse.compare.verdicts import is_part
from lungfuse.models.contrasts import fused_inputs
from lungfuse.models.naming import sources_of


def own_models(results: Results) -> list[int]:
    """The positions of the models that read something, and all of their inputs."""
    return [n for n, model in enumerate(results.models) if model.inputs and not model.ablation]


def fusions_with_parts(results: Results) -> list[tuple[int, int]]:
    """The positions of fusions, each with the model of a true subset of its inputs that is best on validation
    pairs.

    Every fusion of two classes; where there are more labels, of each set of inputs the one that is best on validation
    pairs.
    """
    models, validated, found = results.models, results.scored.validated_by, []
    for inputs in fused_inputs(models):
        fused = [n for n in own_models(results) if sources_of(models[n]) == inputs]
        if not results.task.two_classes:
            fused = [max(fused, key=validated)]
        if parts := [n for n, model in enumerate(models) if is_part(model, inputs)]:
            found += [(n, max(parts, key=validated)) for n in fused]
    return found


def shown_models(results: Results) -> list[int]:
    """The positions of `own_models`; where there are more than two classes, the fusions and their best parts.

    Without a fusion, of more than two classes the best model on validation pairs.
    """
    models = own_models(results)
    if results.task.two_classes:
        return models
    named = {n for both in fusions_with_parts(results) for n in both}
    return [n for n in models if n in named] or [max(models, key=results.scored.validated_by)]
