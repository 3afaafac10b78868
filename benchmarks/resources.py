"""What the jobs run so far took, beside what their rules ask of a cluster. Run: python benchmarks/resources.py

Reads the benchmarks that Snakemake leaves in logs/, of all studies. The largest job of each rule counts: its time, and
the memory of its processes together. A training that goes on after a kill counts from there.
"""

import re
from pathlib import Path

import pandas as pd

from lungfuse.report.pages import measured_jobs

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    table = measured().join(asked(), how="inner").sort_values("seconds", ascending=False)
    print(table.to_markdown())


def measured() -> pd.DataFrame:
    """The slowest and the largest job of each rule."""
    grouped = pd.concat(map(measured_jobs, (ROOT / "logs").iterdir())).groupby("rule")
    return grouped.max().round().astype("Int64").assign(jobs=grouped.size())


def asked() -> pd.DataFrame:
    """What each rule asks for at its first attempt, where the study is small."""
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    rows = []
    for rule in re.split(r"^rule ", text, flags=re.M)[1:]:
        memory = re.search(r"mem_mb=scaled\((\d+)", rule)[1]
        minutes = re.search(r"runtime=scaled\(\s*(?:lambda wildcards: )?(\d+)(?: if .* else (\d+))?", rule).groups()
        asked = {"asked MB": int(memory), "asked minutes": " or ".join(filter(None, minutes))}
        rows.append({"rule": rule.split(":")[0], **asked})
    return pd.DataFrame(rows).set_index("rule")


if __name__ == "__main__":
    main()
