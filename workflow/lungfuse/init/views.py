"""Which images of a table are read: those of a projection of X-rays, and of a kind."""

from lungfuse.errors import UserError
from lungfuse.init.headings import MODALITY, VIEW
from lungfuse.init.patients import quoted
from lungfuse.init.profile import Profile
from lungfuse.init.roles import NONE, Roles, UserRoles, column_called
from lungfuse.vocabulary import grouped_views, is_frontal, is_lateral
from lungfuse.words import counted, listed

MOST_VIEWS = 15
MOSTLY = 0.8  # of the rows, from which on images of other kinds are left out


def find_view(roles: Roles, free: dict[str, Profile], said: UserRoles) -> None:
    """The column of the projection of X-rays: of words such as PA and lateral; those of CT and MR are none."""
    if roles.image is None or roles.places:
        return
    left = {name: found for name, found in free.items() if name not in roles.used}
    if said.view is not None:
        roles.view = None if said.view == NONE else column_called(said.view, "view", left)
    else:
        fit = [one for one in left.values() if _holds_views(one)]
        roles.view = min(fit, key=lambda one: (not _has_lateral(one), not one.called(*VIEW))).name if fit else None
    if roles.view:
        roles.views = grouped_views(list(left[roles.view].words.index))
        roles.first_view = str(left[roles.view].words.index[0])


def _holds_views(found: Profile) -> bool:
    words = found.words.index
    if not 1 <= found.distinct <= MOST_VIEWS or found.kind in ("text", "number", "date"):
        return False
    if found.called(*VIEW):
        return any(map(is_frontal, words))
    return found.distinct > 1 and all(is_frontal(word) or is_lateral(word) for word in words)


def _has_lateral(found: Profile) -> bool:
    return any(map(is_lateral, found.words.index))


def find_rows(roles: Roles, free: dict[str, Profile], said: UserRoles) -> None:
    """The rows of images of one kind, where nearly all are of it; else what they are of is said."""
    if said.rows is not None:
        for each in said.rows:
            if each != NONE:
                _keep_rows(roles, free, each)
        return
    if roles.image is None:
        return
    for name, found in free.items():
        if name in roles.used or not found.called(*MODALITY) or found.kind != "category":
            continue
        most, share = str(found.words.index[0]), found.words.iloc[0] / found.rows
        if share >= MOSTLY:
            roles.rows[name] = [most]
            roles.why["rows"] = (
                f"{found.words.iloc[0]:,} of {found.rows:,} rows are {most}; others are images of another kind"
            )
            roles.unsure.append(f"only rows with {most} in {name} are read: say --rows none to read all")
        else:
            roles.left[name] = f"says what kind of image it is: {listed(_counts(found), 4)}"
            roles.unsure.append(
                f"images of {counted(found.distinct, 'kind')} are read together: say --rows "
                f"{quoted(f'{name}={most}')} to read one"
            )


def _counts(found: Profile) -> list[str]:
    return [f"{word} {count:,}" for word, count in found.words.items()]


def _keep_rows(roles: Roles, free: dict[str, Profile], said: str) -> None:
    heading, equals, word = said.partition("=")
    if not equals:
        raise UserError(f"--rows: found {said!r}, expected a column and a word of it, as in modality=MR, or none.")
    name = column_called(heading, "rows", free)
    words = free[name].words
    if word not in words:
        raise UserError(
            f"--rows: found {word!r}, which is not in the column {name}. Its words are "
            f"{listed(_counts(free[name]), 8)}."
        )
    roles.rows.setdefault(name, []).append(word)
    roles.why["rows"] = "was named with --rows"
