"""What label columns ask for: classes, grades in an order, or a number."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from math import ceil, floor, log10

import numpy as np

from lungfuse.cell_forms import number_of
from lungfuse.errors import UserError
from lungfuse.init.profile import Profile
from lungfuse.init.question import MOST_CLASSES, Question, Rule, question_of
from lungfuse.vocabulary import as_number, grades, is_weak, label_name, rank_of

CLASSES, GRADES, NUMBERS = TASKS = ["multiclass", "ordinal", "regression"]
PLUS = re.compile(r"[+]{1,5}|\([+]{1,4}\)")  # as laboratories write
FEW = 10  # numbers, which may be classes though they are not whole
ROUNDED = 20  # parts of the spread of numbers to which the ends of their range are rounded


def asked(
    profiles: list[Profile],
    positive: Sequence[str],
    negative: Sequence[str],
    between: str | None = None,
    task: str | None = None,
) -> Question:
    """The question that label columns ask; `task` is one of `TASKS`, where a user says it.

    Many numbers ask for a number, and whole numbers or words of a scale for grades, unless a user says otherwise.

    Raises:
        UserError: see `question_of`; or the column does not hold what the task asks for.
    """
    found, in_words = profiles[0], bool(positive or negative or between or len(profiles) > 1)
    if task in (GRADES, NUMBERS) and in_words:
        raise UserError(
            f"--task {task}: asks for one column and for no classes of it. Leave --positive, --negative, --between and "
            "other label columns out, or leave --task out."
        )
    if task == NUMBERS or (task is None and not in_words and _are_many_numbers(found)):
        return _number(found)
    question = question_of(profiles, positive, negative, between)
    if task == CLASSES or in_words:
        return question
    return _graded(question, found, sure=task == GRADES)


def _are_many_numbers(found: Profile) -> bool:
    if found.kind != "number":
        return False
    return found.distinct > MOST_CLASSES or (found.distinct > FEW and not grades(found.words.index))


def _number(found: Profile) -> Question:
    numbers = [as_number(number_of(found.form)(word)) for word in found.words.index]
    known = np.array([number for number in numbers if number is not None])
    if len(np.unique(known)) < FEW:
        raise UserError(
            f"--task {NUMBERS}: the column {found.name} holds {len(np.unique(known))} different numbers, expected "
            f"{FEW} or more. Say --task {GRADES}, or name another column."
        )
    low, high = _range(known)
    rule = Rule(label_name(found.name, []), found.name, [], range=[low, high])
    lost = int(found.words[[number is None for number in numbers]].sum())
    notes = [f"a number from {low:g} to {high:g}; one outside is left out"]
    if lost:
        notes.append(f"{lost:,} rows hold no number and are left out")
    said = f"{found.name} is asked for as a number from {low:g} to {high:g}: make classes of it for another question"
    return Question(NUMBERS, [rule], notes, [said], form=found.form)


def _range(numbers: np.ndarray) -> tuple[float, float]:
    """The least and the greatest number, rounded away from the others."""
    low, high = float(numbers.min()), float(numbers.max())
    step = 10.0 ** floor(log10((high - low) / ROUNDED))
    return round(floor(low / step) * step, 12), round(ceil(high / step) * step, 12)


def _graded(question: Question, found: Profile, sure: bool) -> Question:
    """The question with its classes as grades, where they have an order."""
    words = {word.strip() for rule in question.rules for word in rule.positive}
    ranks = [_rank(rule.positive[0].strip(), words) for rule in question.rules]
    ordered = question.task == CLASSES and None not in ranks and len({*ranks}) == len(ranks)
    if not ordered and sure:
        raise UserError(
            f"--task {GRADES}: the words of {found.name} are no grades whose order is known, such as 0 to 4, or none, "
            "mild and severe. Write them as whole numbers, from the least to the most."
        )
    if not ordered:
        return question
    rules = [rule for _, rule in sorted(zip(ranks, question.rules, strict=True), key=lambda pair: pair[0])]
    names = ", ".join(rule.name for rule in rules)
    doubt = [] if sure else [f"{names} are taken as grades in this order: --task {CLASSES} for classes without one"]
    return replace(
        question,
        task=GRADES,
        rules=rules,
        notes=[f"{len(rules)} grades, from the least to the most"],
        unsure=[*question.unsure, *doubt],
    )


def _rank(word: str, words: Collection[str]) -> float | None:
    if is_weak(word, words):
        return word.count("+") - 0.5
    if PLUS.fullmatch(word) or word == "-":
        return word.count("+")
    number = as_number(word)
    return rank_of(word) if number is None else number
