"""Numbers far from all others, which may mean a missing value."""

from collections.abc import Iterator

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.check.sentinels import sentinels
from lungfuse.words import counted


def findings(data: Checked) -> Iterator[Finding]:
    for name, kind in data.kinds.items():
        for one in sentinels(data.values[name]) if kind == "number" else []:
            read = name in data.read("structured")
            yield Finding(
                "warning" if read else "note",
                name,
                f"{name} is {one.word} in {counted(one.rows, 'case')}, far from its other values, {one.low:g} to "
                f"{one.high:g}.",
                "If it means a missing value, models take it for a measurement.",
                "Say so: `missing: ['...']` of the column in `table`, or --missing <column>=<value> of lungfuse init.",
            )
