"""Write the report of a study from the graph of its jobs, in which no words of the study can run.

python workflow/scripts/write_report.py demo Snakefile results/demo/report.html <files that it shows>

Snakemake puts what it knows of a study (parameters of jobs, captions, the code of rules) as JSON into scripts of the
page, a variable a line, where the word </script> in it would end the script and begin another.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from lungfuse.files import atomic_write

STYLE = Path(os.path.relpath(Path(__file__).resolve().parents[1] / "report" / "style.css"))
PROFILE = "SNAKEMAKE_PROFILE"  # its options are of a run
OPENED = Path(__file__).with_name("open_result.js")  # shows the file of results that the address names behind #
VARIABLE = re.compile(r"^( *<script id=\"[\w-]+\">\n *var \w+ = )(.+)(;\n *</script>)$", re.MULTILINE)


def main() -> None:
    study, snakefile, page, *shown = sys.argv[1:]
    command = [sys.executable, "-m", "snakemake", "--nolock", "--snakefile", snakefile, "--config", f"study={study}"]
    command += ["--report", page, "--report-stylesheet", str(STYLE), "--", *shown]
    environment = {name: value for name, value in os.environ.items() if name != PROFILE}
    if failed := subprocess.run(command, env=environment).returncode:
        sys.exit(failed)
    try:
        text = escaped(Path(page).read_text(encoding="utf-8"))
    except ValueError as error:
        sys.exit(f"{page}: {error}")
    with atomic_write(Path(page)) as stream:
        stream.write(text)


def escaped(page: str) -> str:
    """The page of a report in which no string of JSON has a <, which only a string can have; it opens the result that
    its address names.

    Raises:
        ValueError: it has no variable as Snakemake writes them.
    """
    found, count = VARIABLE.subn(lambda line: line[1] + line[2].replace("<", r"\u003c") + line[3], page)
    if not count:
        raise ValueError("found no data as Snakemake 9 writes it, so nothing in it could be made safe")
    script = OPENED.read_text(encoding="utf-8").strip()
    above, end, below = found.rpartition("</body>")
    return f"{above}<script>\n{script}\n</script>\n{end}{below}"


if __name__ == "__main__":
    main()
