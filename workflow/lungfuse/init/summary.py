"""What `init` prints: what was chosen, which rows are left out and why, and what is unsure."""

from collections.abc import Iterator

from lungfuse.check.sentinels import sentinels
from lungfuse.init.cases import Cases
from lungfuse.init.draft import Draft
from lungfuse.init.profile import Profile
from lungfuse.init.question import Question
from lungfuse.init.roles import Roles
from lungfuse.words import counted, listed

NO_MODEL = "no model reads it: "
WIDTH = 12


def summary(question: Question, roles: Roles, cases: Cases, draft: Draft) -> str:
    """What was chosen, in lines."""
    entry, said = draft.entry, not_read(draft)
    groups = cases.pairs["group"].nunique()
    counts = ", ".join(f"{name} {count}" for name, count in cases.counts().items())
    joined_by = "patients, same texts" if "text" in entry["filter"].get("group_by", ["text"]) else "patients"
    lines = [
        ("rows", _of_rows(cases)),
        ("cases", f"{len(cases.pairs):,} in {groups:,} groups that stay together ({joined_by})"),
        ("label", f"{', '.join(question.columns)}: {entry['task']}, {counts}"),
    ]
    lines += [("", note) for note in question.notes if note.startswith("Left out")]
    names = {"patient": roles.patient, "site": roles.site, "date": roles.date, "kept apart": ", ".join(roles.group_by)}
    lines += [(role, name or "") for role, name in names.items()]
    if roles.image:
        named = ", ".join(roles.images.values()) or roles.image
        lines.append(("image", f"{named}, {cases.rows - cases.unread:,} of {cases.rows:,} found"))
        lines.append(("view", f"{entry['view']} of the column {roles.view}" if roles.view else ", ".join(roles.places)))
    lines.append(("texts", ", ".join(roles.texts.values())))
    unread = {roles.columns[name].column: why for name, why in said.items() if name in roles.columns}
    inputs = [each.column for each in roles.columns.values() if each.column not in unread]
    lines.append(("structured", ", ".join(inputs)))
    lines += [("no input", f"{name}: {why.removeprefix(NO_MODEL)}") for name, why in unread.items()]
    lines += [("left out", f"{name}: {why}") for name, why in roles.left.items()]
    lines.append(("folds", f"{entry['split']['folds']}"))
    lines.append(("models", ", ".join(entry["models"])))
    lines += [("unsure", each) for each in draft.unsure]
    return "\n".join(f"  {role:<{WIDTH}} {_one_line(said)}" for role, said in lines if said)


def _of_rows(cases: Cases) -> str:
    left = cases.left_out
    if not left:
        return f"all {cases.total:,} of the table are cases"
    return f"{cases.total:,} in the table, of which {sum(left.values()):,} are left out: " + "; ".join(
        f"{count:,} {reason}" for reason, count in left.items()
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def not_read(draft: Draft) -> dict[str, str]:
    """What comments say of structured columns."""
    return {
        place[-1]: said for place, said in draft.comments.items() if place[:2] == ("table", "columns") and place[2:]
    }


def doubts_of_values(cases: Cases, roles: Roles) -> Iterator[str]:
    """Numbers that may stand for a missing value."""
    for name, column in roles.columns.items():
        for one in sentinels(cases.values_of(name)) if column.kind == "number" else []:
            yield (
                f"{column.column} is {one.word} in {counted(one.rows, 'case')}, far from {one.low:g} to "
                f"{one.high:g}: say "
                f"--missing '{column.column}={one.word}' if it stands for a missing value"
            )


def doubts_of_images(profiles: dict[str, Profile], roles: Roles) -> Iterator[str]:
    """Images that a table names and that no model reads."""
    read = [roles.image, *roles.images.values()]
    others = [found for name, found in profiles.items() if found.images >= 0.3 and name not in read]
    if roles.image and others:
        cells = sum(found.filled for found in others)
        names = listed([found.name for found in others], 3)
        yield f"{cells:,} images of {names} are not read: say --image-column with all columns to read them"
    if roles.image and not roles.between and profiles[roles.image].several:
        share = profiles[roles.image].several
        yield f"{share:.0%} of the cells of {roles.image} name several images, not found: write a row for each"
