"""Whether the settings of a study fit the datasets, tasks, encoders and architectures that there are."""

from collections.abc import Iterator

from lungfuse import tasks
from lungfuse.datasets import (
    Category,
    Number,
    columns_of,
    dataset_names,
    load_dataset,
    mask_datasets,
    own_sections_of,
    views_of,
)
from lungfuse.modalities import modality_names
from lungfuse.modalities.image import variant_of
from lungfuse.plan.decision_checks import decision_problems
from lungfuse.plan.model_checks import check_models, check_twins, too_often
from lungfuse.plan.problems import Problem, encoder_problem, layers_problem, length_problem, settings_problems
from lungfuse.plan.resolve import explained_inside, image_variants, pretrain_of, segmenters_read, trained_models
from lungfuse.plan.search_checks import check_searches
from lungfuse.settings.ingest import LabelRule
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER
from lungfuse.settings.study import Study
from lungfuse.settings.training import TrainSettings
from lungfuse.tables.ingest import SECTIONS
from lungfuse.words import joined

SITE = "site"  # of a pair, which is no structured column


def study_problems(study: Study) -> list[Problem]:
    """What is wrong with the settings of a study; of checks that rest on others, only the first that fails."""
    of_data = [_names, _encoders, _labels, _scores, decision_problems, _of_dataset, _rest]
    for checks in [*of_data, check_models, check_searches, check_twins]:
        if found := list(checks(study)):
            return found
    return []


def _names(study: Study) -> Iterator[Problem]:
    if study.dataset not in dataset_names():
        yield "dataset", f"found {study.dataset!r}. no such dataset; expected one of {', '.join(dataset_names())}"
    if (annotated := study.segmentation.annotated.dataset) not in mask_datasets():
        expected = ", ".join(mask_datasets())
        yield "segmentation.annotated.dataset", f"found {annotated!r}. no such dataset; expected one of {expected}"
    if study.task not in tasks.task_names():
        yield "task", f"found {study.task!r}, expected one of {', '.join(tasks.task_names())}"
    if unknown := set(study.modalities) - set(modality_names()):
        yield "modalities", f"found {joined(unknown)}, expected some of {', '.join(modality_names())}"
    if missing := set(study.filter.required or []) - set(study.modalities):
        yield "filter.required", f"needs {joined(missing)}, which is not among the modalities"
    if "image" in {*study.filter.group_by} - {*study.modalities}:
        yield "filter.group_by", "needs image, which is not among the modalities"


def _encoders(study: Study) -> Iterator[Problem]:
    for modality in ["image", "text"]:
        if problem := encoder_problem(modality, getattr(study.encoders, modality)):
            yield f"encoders.{modality}", problem
            return
    if problem := length_problem(study.encoders.text, study.encoders.max_tokens):
        yield "encoders.max_tokens", problem
    if problem := layers_problem(study.train.layers):
        yield "train.layers", problem


def _labels(study: Study) -> Iterator[Problem]:
    spec, count = tasks.task_spec(study.task), len(study.filter.labels)
    if count < spec.min_labels or (spec.max_labels and count > spec.max_labels):
        same = spec.min_labels == spec.max_labels
        expected = str(spec.min_labels) if same else f"{spec.min_labels} or more"
        yield "filter.labels", f"found {count}, expected {expected} for the task {study.task}"
    if wrong := [rule.name for rule in study.filter.labels if (rule.range is None) == (not spec.classes)]:
        expected = "words or headings of each class or label" if spec.classes else "a range of a column of numbers"
        yield "filter.labels", f"{joined(wrong)}: expected {expected} for the task {study.task}"
    if not spec.classes and study.filter.balance != "none":
        yield "filter.balance", "numbers cannot be balanced; say none"
    if explained := [name for name, model in study.models.items() if model.explained and not spec.classes]:
        yield f"models.{explained[0]}.explained", f"explains a class, and the task {study.task} has none. Leave it out"
    if spec.exclusive and (shared := _shared_words(study.filter.labels)):
        yield "filter.labels", f"found {', '.join(map(repr, shared))} for two classes, so a case with it is of neither"
    if spec.classes and not spec.exclusive and study.filter.balance != "none":
        yield "filter.balance", "pairs with several labels cannot be balanced; say none"
    if study.leakage.sections and study.split.folds == 1:
        yield "leakage.sections", "is measured by folds, and the split has one fixed test part. Leave it out"
    if study.split.heading and study.table is None:
        yield "split", f"found the column {study.split.heading!r}, which a table has; the dataset is {study.dataset}"
    if study.added and (study.split.own or study.split.by != "group"):
        yield "added", "cases are added to folds by group; this study's split is another"
    if study.leakage.sections and not spec.two_classes:
        yield (
            "leakage.sections",
            f"found {joined(study.leakage.sections)}; leakage and shortcuts are measured for two classes alone, not "
            f"for the task {study.task}. Say []",
        )


def _scores(study: Study) -> Iterator[Problem]:
    compared_by = tasks.task_spec(study.task).compared_by
    if study.comparison.primary not in compared_by:
        yield (
            "comparison.primary",
            f"found {study.comparison.primary}, expected {' or '.join(compared_by)} for the task {study.task}",
        )
    if study.comparison.primary == "accuracy" and study.class_weights == "balanced":
        yield (
            "comparison.primary",
            "found accuracy with class_weights: balanced, so models would minimise one thing and be compared by "
            "another: each class counts the same in what they learn, each case in the score. Say class_weights: none, "
            "or compare by auroc or balanced_accuracy",
        )


def _shared_words(rules: list[LabelRule]) -> list[str]:
    """The headings, or words of a column, by which two rules give their labels, each once."""
    words = [(rule.column, word) for rule in rules for word in rule.positive or _listed(rule.heading)]
    return sorted({word for column, word in words if words.count((column, word)) > 1})


def _listed(heading: str | list[str]) -> list[str]:
    return [heading] if isinstance(heading, str) else heading


def _of_dataset(study: Study) -> Iterator[Problem]:
    dataset = load_dataset(study.dataset, study.table)
    views, sections = views_of(dataset), [*SECTIONS, *own_sections_of(dataset)]
    unknown = [view for view in study.views if view not in views]
    if "image" in study.modalities and views and unknown:
        yield "view", f"found {unknown[0]!r}, expected one of {', '.join(views)}, the views of the dataset"
    if unknown := {rule.column for rule in study.filter.labels if rule.column} - set(columns_of(dataset)):
        known = ", ".join(columns_of(dataset)) or "no structured columns"
        yield (
            "filter.labels",
            f"found the column {joined(unknown)}, which the dataset does not have. It has {known}",
        )
    named = {"filter.text_fields": study.filter.text_fields, "leakage.sections": study.leakage.sections}
    for place, fields in named.items():
        if unknown := set(fields) - set(sections):
            yield (
                place,
                f"found {joined(unknown)}, expected some of {', '.join(sections)}, the sections of the dataset",
            )


def _rest(study: Study) -> Iterator[Problem]:
    if study.n_seeds > study.split.repeats:
        yield "n_seeds", too_often(study.n_seeds, study)
    wrong = [*settings_problems("pretraining.train", TrainSettings, lambda: pretrain_of(study))]
    yield from wrong
    if not wrong and (problem := layers_problem(pretrain_of(study).layers)):
        yield "pretraining.train.layers", problem
    if untrained := set(study.comparison.published_epochs) - set(trained_models(study)):
        yield "comparison.published_epochs", f"no network among the models is called {joined(untrained)}"
    yield from _subgroups(study)
    known, variants = [PACKAGED_SEGMENTER, *study.segmentation.segmenters], [*map(variant_of, image_variants(study))]
    if "mask-only" in variants and len(segmenters_read(study)) > 1:
        yield "", f"mask-only: of which segmenter? Say mask-only:<one of {', '.join(segmenters_read(study))}>"
    if (inside := explained_inside(study)) not in [None, *known]:
        yield "explanations.inside", f"found {inside!r}, expected one of {', '.join(known)}"
    for variant in variants:
        segmenter = variant.partition(":")[2]
        if segmenter and segmenter not in known:
            yield "", f"{variant}: no segmenter is called {segmenter!r}; expected one of {', '.join(known)}"


def _subgroups(study: Study) -> Iterator[Problem]:
    columns = {**columns_of(load_dataset(study.dataset, study.table)), SITE: Category()}
    for name, bounds in study.comparison.subgroups.items():
        place = f"comparison.subgroups.{name}"
        if name not in columns:
            yield place, f"the dataset {study.dataset} has no such column; expected some of {', '.join(columns)}"
        elif not isinstance(columns[name], Number) and bounds:
            yield place, f"found {bounds}, but it is a category: say [], each of its values is a subgroup"
        elif isinstance(columns[name], Number) and (len(bounds) < 2 or bounds != sorted(set(bounds))):
            yield (
                place,
                f"found {bounds}, expected the bounds of bands from the least to the greatest: [0, 40, 60, 120]",
            )
