"""What is asked of a case: a task, and the words of label columns that make its classes or labels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lungfuse.errors import UserError
from lungfuse.init.profile import Profile
from lungfuse.init.words import is_healthy, label_name, yes_and_no
from lungfuse.words import listed

MOST_CLASSES = 30
SHOWN = 8
BETWEEN = re.compile(r"\s*[,;/|+&]\s*|\s+and\s+")


@dataclass(frozen=True)
class Rule:
    """A class or label: the column of the table and the words that give it; `negative` ones take it."""

    name: str
    column: str
    positive: list[str]
    negative: list[str] | None = None


@dataclass(frozen=True)
class Question:
    """A task with its rules, and `notes` on what was chosen, to be read by the user."""

    task: str
    rules: list[Rule]
    notes: list[str]

    @property
    def columns(self) -> list[str]:
        """The label columns of the table."""
        return list(dict.fromkeys(rule.column for rule in self.rules))

    def without(self, names: Sequence[str], why: str) -> "Question":
        """The question without some classes or labels."""
        left = [rule for rule in self.rules if rule.name not in names]
        task = "binary" if self.task == "multiclass" and len(left) == 2 else self.task
        return replace(self, task=task, rules=left, notes=[*self.notes, why])


def question_of(profiles: list[Profile], positive: Sequence[str], negative: Sequence[str]) -> Question:
    """The question that label columns ask.

    Raises:
        UserError: a column does not have two classes or more, or too many, or lacks a word that is named.
    """
    if len(profiles) > 1:
        return _of_many(profiles, positive, negative)
    found = profiles[0]
    words = _words(found)
    if positive or negative:
        yes, no, notes = _named(found, words, positive, negative)
        return _two_classes(found, yes, no, notes)
    yes, no = yes_and_no(words)
    if yes and no and len(words) > 2 and found.words[[*yes, *no]].sum() > found.filled / 2:
        others = [word for word in words if word not in [*yes, *no]]
        return _two_classes(found, yes, no, [f"{_shown(others)} say neither yes nor no: these rows are left out"])
    if len(words) == 2:
        yes, no, note = _guessed(words)
        return _two_classes(found, yes, no, [note])
    if len(words) > MOST_CLASSES:
        raise UserError(_too_many(found, words))
    return _several_classes(found, words)


def _of_many(profiles: list[Profile], positive: Sequence[str], negative: Sequence[str]) -> Question:
    rules, notes = [], []
    for found in profiles:
        words = _words(found)
        if positive or negative:
            yes, no, more = _named(found, words, positive, negative)
        else:
            yes, no = yes_and_no(words)
            more = []
            if not (yes and no) and len(words) == 2:
                yes, no, note = _guessed(words)
                more = [note]
            if not (yes and no):
                raise UserError(
                    f"--label {found.name}: its words are {_shown(words, found)}; several labels need a yes and a no "
                    "each. Say --positive and --negative, or ask this one alone."
                )
        others = [word for word in words if word not in [*yes, *no]]
        more += [f"{_shown(others)} leave it unknown"] if others else []
        notes += [f"{found.name}: {note}" for note in more]
        name = label_name(found.name, [rule.name for rule in rules])
        rules.append(Rule(name, found.name, _variants(words, yes), _variants(words, no)))
    return Question("multilabel", rules, notes)


def _words(found: Profile) -> dict[str, list[str]]:
    """The words of a label column, most frequent first, each with the ways it is written."""
    written: dict[str, list[str]] = {}
    for word in found.words.index:
        written.setdefault(word.casefold(), []).append(word)
    words = {ways[0]: ways for ways in written.values()}
    if not words:
        raise UserError(f"--label {found.name}: is empty in every row. Name a column that holds the classes.")
    if len(words) == 1:
        word, blank = next(iter(words)), found.rows - found.filled
        rest = (
            f"in {found.filled:,} of {found.rows:,} rows, and nothing is known of the others" if blank else "everywhere"
        )
        raise UserError(
            f"--label {found.name}: is {word!r} {rest}. Expected two classes or more: "
            + ("write the other class into the empty cells, or name" if blank else "name")
            + " another column."
        )
    return words


def _named(
    found: Profile, words: dict[str, list[str]], positive: Sequence[str], negative: Sequence[str]
) -> tuple[list[str], list[str], list[str]]:
    """The positive and negative words that a user names, and what else was decided."""
    yes, no = (
        _known(found, words, option, given) for option, given in [("positive", positive), ("negative", negative)]
    )
    if not yes:
        yes = [word for word in words if word not in no]
    notes = []
    if not no:
        parts = {word.casefold() for word in yes}
        more = [word for word in words if word not in yes and parts & {part.casefold() for part in BETWEEN.split(word)}]
        notes = [f"{_shown(more)} counts as positive too, for it holds the word"] if more else []
        yes = [*yes, *more]
        no = [word for word in words if word not in yes]
    if not no or set(yes) & set(no):
        raise UserError(
            f"--label {found.name}: no word is left for the other class; its words are {_shown(words, found)}. Name "
            "fewer words with --positive or --negative."
        )
    return yes, no, notes


def _known(found: Profile, words: dict[str, list[str]], option: str, given: Sequence[str]) -> list[str]:
    by_case = {word.casefold(): word for word in words}
    for word in given:
        if word.strip().casefold() not in by_case:
            raise UserError(
                f"--{option}: found {word!r}, which is not in the column {found.name}. Its words are "
                f"{_shown(words, found)}."
            )
    return [by_case[word.strip().casefold()] for word in given]


def _guessed(words: dict[str, list[str]]) -> tuple[list[str], list[str], str]:
    """Which of two words is positive, which negative, and why."""
    first, second = words
    yes, no = yes_and_no(words)
    if yes and no:
        return yes, no, f"{yes[0]!r} says yes"
    healthy = [word for word in words if is_healthy(word)]
    if len(healthy) == 1:
        other = second if healthy[0] == first else first
        return [other], healthy, f"{healthy[0]!r} reads like the absence of something, so {other!r} is positive"
    return [second], [first], f"{second!r} is rarer, so it is positive; --positive {first!r} turns it round"


def _two_classes(found: Profile, yes: list[str], no: list[str], notes: list[str]) -> Question:
    words = _words(found)
    said = yes_and_no([*yes, *no])
    if len(yes) == len(no) == 1 and all(said):
        names = [f"no-{label_name(found.name, [])}", label_name(found.name, [])]
    else:
        name = label_name(yes[0], [])
        names = [label_name(no[0], [name]) if len(no) == 1 else "other" if name != "other" else "rest", name]
    rules = [Rule(name, found.name, _variants(words, part)) for name, part in zip(names, [no, yes], strict=True)]
    return Question("binary", rules, notes)


def _several_classes(found: Profile, words: dict[str, list[str]]) -> Question:
    ordered = sorted(words, key=lambda word: not is_healthy(word))  # else by their counts
    rules: list[Rule] = []
    for word in ordered:
        rules.append(Rule(label_name(word, [rule.name for rule in rules]), found.name, words[word]))
    return Question("multiclass", rules, [f"{len(rules)} words, each a class"])


def _too_many(found: Profile, words: dict[str, list[str]]) -> str:
    what = "numbers" if found.kind in ("number", "near-number") else "words"
    remedy = (
        "lungfuse compares classes: make a column of classes from it, such as low and high"
        if what == "numbers"
        else "say which are one class with --positive, or name another column"
    )
    return (
        f"--label {found.name}: has {len(words):,} different {what}, such as {_shown(words)}; expected at most "
        f"{MOST_CLASSES} classes. {remedy[0].upper()}{remedy[1:]}."
    )


def _variants(words: dict[str, list[str]], chosen: list[str]) -> list[str]:
    return [way for word in chosen for way in words[word]]


def _shown(words: Sequence[str] | dict[str, list[str]], found: Profile | None = None) -> str:
    """Words in a sentence, with their counts where their column is given."""
    return listed([repr(word) + (f" ({found.words[word]:,})" if found is not None else "") for word in words], SHOWN)
