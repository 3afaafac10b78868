"""What is asked of a case: a task, and the words of label columns that make its classes or labels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lungfuse.cell_forms import Form
from lungfuse.check.sentinels import code_among
from lungfuse.errors import UserError
from lungfuse.init.many_words import between_words, labels_in
from lungfuse.init.patients import quoted
from lungfuse.init.profile import Profile
from lungfuse.vocabulary import CODE_OF_GRADES, as_number, grades, is_healthy, is_weak, label_name, yes_and_no
from lungfuse.words import listed

MOST_CLASSES = 30
SHOWN = 8
NONE = "none"
UNCERTAIN = {-1.0, 0.0, 1.0}  # as CheXpert writes what a report leaves open
BETWEEN = re.compile(r"\s*[,;/|+&]\s*|\s+and\s+")


@dataclass(frozen=True)
class Rule:
    """A class or label: the column of the table and the words that give it; `negative` ones take it. Of a number there
    are no words, but the `range` that it may have."""

    name: str
    column: str
    positive: list[str]
    negative: list[str] | None = None
    between: str | None = None
    range: list[float] | None = None


@dataclass(frozen=True)
class Question:
    """A task with its rules, `notes` on what was chosen, what is `unsure`, to be read by the user, and how numbers are
    written, where one is asked for."""

    task: str
    rules: list[Rule]
    notes: list[str]
    unsure: list[str] = field(default_factory=list)
    form: Form = "plain"

    @property
    def columns(self) -> list[str]:
        """The label columns of the table."""
        return list(dict.fromkeys(rule.column for rule in self.rules))

    def without(self, names: Sequence[str], why: str) -> "Question":
        """The question without some classes or labels."""
        left = [rule for rule in self.rules if rule.name not in names]
        task = "binary" if self.task in ("multiclass", "ordinal") and len(left) == 2 else self.task
        return replace(self, task=task, rules=left, notes=[*self.notes, why])


def question_of(
    profiles: list[Profile], positive: Sequence[str], negative: Sequence[str], between: str | None = None
) -> Question:
    """The question that label columns ask; `between` is what stands between the words of a cell, or none.

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
    if between is None:
        between = between_words(found)
        if between:
            return _of_parts(
                found, between, [f"cells of {found.name} hold several words: say --between none if each is one class"]
            )
    elif between != NONE:
        return _of_parts(found, between, [])
    if grades(words) and {*map(as_number, words)} != UNCERTAIN:
        return _grades(found, words)
    yes, no = yes_and_no(words)
    graded = sum(bool(CODE_OF_GRADES.fullmatch(word)) for word in words) > 1
    if yes and no and len(words) > 2 and not graded and found.words[[*yes, *no]].sum() > found.filled / 2:
        others = [word for word in words if word not in [*yes, *no]]
        if not others:
            return _two_classes(found, yes, no, [f"{_shown(yes)} say yes, and {_shown(no)} no"])
        left = int(found.words[_variants(words, others)].sum())
        said = f"{_shown(others)} say neither yes nor no: these {left:,} rows are left out"
        return _two_classes(found, yes, no, [said], [f"{said}; say --positive and --negative to have them in a class"])
    if len(words) == 2:
        yes, no, note, unsure = _guessed(words)
        return _two_classes(found, yes, no, [note], unsure)
    if len(words) > MOST_CLASSES:
        raise UserError(_too_many(found, words))
    return _several_classes(found, words)


def _of_parts(found: Profile, between: str, unsure: list[str]) -> Question:
    rules: list[Rule] = []
    for word in labels_in(found, between)[:MOST_CLASSES]:
        rules.append(Rule(label_name(word, [rule.name for rule in rules]), found.name, [word], between=between))
    if len(rules) < 2:
        raise UserError(
            f"--between: the cells of {found.name} hold fewer than two words between {between!r}. Say --between none."
        )
    return Question("multilabel", rules, [f"a cell may hold several words, between which stands {between!r}"], unsure)


def _grades(found: Profile, words: dict[str, list[str]]) -> Question:
    """Whole numbers as classes, in their order."""
    by_number: dict[int, list[str]] = {}
    for word, ways in words.items():
        by_number.setdefault(int(as_number(word)), []).extend(ways)
    if len(by_number) > MOST_CLASSES:
        raise UserError(_too_many(found, words))
    numbers = sorted(by_number)
    rules = [Rule(label_name(str(number), []), found.name, by_number[number]) for number in numbers]
    unsure = []
    if (code := code_among(numbers)) is not None:
        word, others = by_number[code][0], [number for number in numbers if number != code]
        unsure.append(
            f"{word} of {found.name} is far from {others[0]} to {others[-1]}: say --missing "
            f"{quoted(f'{found.name}={word}')} if it means that nobody knows"
        )
    return Question("multiclass", rules, [f"{len(rules)} grades, each a class, in their order"], unsure)


def _of_many(profiles: list[Profile], positive: Sequence[str], negative: Sequence[str]) -> Question:
    rules, notes, unsure = [], [], []
    for found in profiles:
        words = _words(found)
        if positive or negative:
            yes, no, more = _named(found, words, positive, negative)
        else:
            yes, no = yes_and_no(words)
            more = []
            if not (yes and no) and len(words) == 2:
                yes, no, note, doubts = _guessed(words)
                more = [note]
                unsure += [f"{found.name}: {doubt}" for doubt in doubts]
            if not (yes and no):
                raise UserError(
                    f"--label {found.name}: its words are {_shown(words, found)}; several labels need a yes and a no "
                    "each. Say --positive and --negative, or ask this one alone."
                )
        others = [word for word in words if word not in [*yes, *no]]
        if others:
            left = int(found.words[_variants(words, others)].sum())
            more += [f"{_shown(others)} leave it unknown"]
            unsure.append(
                f"{found.name}: {_shown(others)} leave it unknown in {left:,} rows; say --positive or --negative"
            )
        notes += [f"{found.name}: {note}" for note in more]
        name = label_name(found.name, [rule.name for rule in rules])
        rules.append(Rule(name, found.name, _variants(words, yes), _variants(words, no)))
    return Question("multilabel", rules, notes, unsure)


def _words(found: Profile) -> dict[str, list[str]]:
    """The words of a label column, most frequent first, each with the ways it is written."""
    written: dict[str, list[str]] = {}
    for word in found.words.index:
        written.setdefault(" ".join(word.casefold().split()), []).append(word)
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


def _guessed(words: dict[str, list[str]]) -> tuple[list[str], list[str], str, list[str]]:
    """Which of two words is positive, which negative, why, and what is unsure of it."""
    first, second = words
    yes, no = yes_and_no(words)
    if yes and no:
        return yes, no, f"{yes[0]!r} says yes", []
    healthy = [word for word in words if is_healthy(word)]
    if len(healthy) == 1:
        other = second if healthy[0] == first else first
        return [other], healthy, f"{healthy[0]!r} reads like the absence of something, so {other!r} is positive", []
    signs = {word[-1:] for word in words}
    if signs == {"+", "-"}:
        plus = first if first.endswith("+") else second
        return [plus], [second if plus == first else first], f"{plus!r} is positive", []
    numbers = [as_number(word) for word in words]
    if None not in numbers:
        low, high = (word for _, word in sorted(zip(numbers, words, strict=True)))
        return [high], [low], f"{high!r} is more, so it is positive", [
            f"{high!r} was taken for positive, and {low!r} for negative: --positive {low!r} turns it round"
        ]  # fmt: skip
    note = f"{second!r} is rarer, so it is positive; --positive {first!r} turns it round"
    return [second], [first], note, [note]


def _two_classes(
    found: Profile, yes: list[str], no: list[str], notes: list[str], unsure: list[str] | None = None
) -> Question:
    words = _words(found)
    said = yes_and_no([*yes, *no])
    if [{*each} for each in said] == [{*yes}, {*no}]:
        names = [f"no-{label_name(found.name, [])}", label_name(found.name, [])]
    else:
        name = label_name(yes[0], [])
        names = [label_name(no[0], [name]) if len(no) == 1 else "other" if name != "other" else "rest", name]
    rules = [Rule(name, found.name, _variants(words, part)) for name, part in zip(names, [no, yes], strict=True)]
    return Question("binary", rules, notes, unsure or [])


def _several_classes(found: Profile, words: dict[str, list[str]]) -> Question:
    ordered = sorted(words, key=lambda word: not is_healthy(word))  # else by their counts
    rules: list[Rule] = []
    for word in ordered:
        spelled = f"weak {word[1:-1]}" if is_weak(word, words) else word
        rules.append(Rule(label_name(spelled, [rule.name for rule in rules]), found.name, words[word]))
    alike = {
        rule.name: rule
        for rule in rules
        if re.sub(r"-\d+$", "", rule.name) in {other.name for other in rules} - {rule.name}
    }
    unsure = [
        f"{listed([repr(rule.positive[0]) for rule in alike.values()])} read like other words: write them the same "
        "if they are one class"
    ]
    return Question("multiclass", rules, [f"{len(rules)} words, each a class"], unsure if alike else [])


def _too_many(found: Profile, words: dict[str, list[str]]) -> str:
    what = "numbers" if found.kind in ("number", "near-number") else "words"
    remedy = (
        "make a column of classes from it, such as low and high, or say --task regression"
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
