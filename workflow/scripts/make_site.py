"""The site: the docs, all verdicts in one figure, the tables of each kept study, the command line and the API.

python workflow/scripts/make_site.py build/site     # build/site/index.html, ready for GitHub Pages

It needs no network. A warning of Sphinx and a link inside the site that leads nowhere are errors.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd
import verdict
from api_reference import described
from lxml import html
from notebook_page import in_markdown
from sphinx.cmd.build import main as sphinx_build

from lungfuse.command_line import app

DOCS, ROOT_PAGES = Path("docs"), ["CHANGELOG.md", "CONTRIBUTING.md"]
WIDE = "class='table-wrapper' style='white-space: nowrap; font-size: .75rem'"
KEPT, RESULTS = DOCS / "results", Path("results")
SHARED = "demo"  # studies whose name starts so; reports of others show images that may not be passed on
REPORT, PROVENANCE = "report.html", "provenance.html"  # the second is a program that makes its anchors itself
COMMANDS = ["init", "check", "audit", "predict", "explain", "segment", "analysis", "schema"]
OUTWARD = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")
PUBLIC = {
    "Predicting": "lungfuse.predict.predictor",
    "Adding a dataset": "lungfuse.datasets",
    "Adding a task": "lungfuse.tasks",
    "Adding a network": "lungfuse.layers.blocks",
    "Adding an analysis": "lungfuse.compare.results",
    "Adding a method of explanation": "lungfuse.relevance.network",
    "Projects": "lungfuse.project",
}


def main(out: Path) -> None:
    """Build the site into a folder.

    Raises:
        SystemExit: Sphinx warns, or a link inside the site leads nowhere.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        copy_pages(source)
        generated = source / "generated"
        generated.mkdir()
        (generated / "verdicts.md").write_text(all_verdicts(generated), encoding="utf-8")
        (generated / "studies.md").write_text(studies_page(generated), encoding="utf-8")
        (generated / "api.md").write_text(api_page(), encoding="utf-8")
        (generated / "command-line.md").write_text(command_line_page(), encoding="utf-8")
        (source / "tutorial.md").write_text(in_markdown(DOCS / "tutorial.ipynb"), encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        options = ["-b", "html", "-q", "-W", "--keep-going", "-d", str(Path(folder) / "doctrees")]
        if sphinx_build([*options, str(source), str(out)]):
            sys.exit("The site has warnings, see above. Fix the pages that they name.")
    publish_reports(out / "reports")
    (out / ".nojekyll").touch()  # GitHub Pages leaves out folders that begin with an underscore otherwise
    if broken := list(broken_links(out)):
        sys.exit("\n".join(["These links lead nowhere:", *broken]))
    print(out / "index.html")


def copy_pages(source: Path) -> None:
    """The pages and pictures of the docs, with what they link to outside the docs as plain names."""
    ignored = shutil.ignore_patterns("results", "*.ipynb", "wording.txt", "__pycache__")
    shutil.copytree(DOCS, source, ignore=ignored)
    for name in ROOT_PAGES:
        shutil.copy(name, source / name)
    for page in source.glob("*.md"):
        text = page.read_text(encoding="utf-8").replace("](docs/", "](")
        page.write_text(
            OUTWARD.sub(r"\1 (`\2`)", text).replace("](tutorial.ipynb)", "](tutorial.md)"), encoding="utf-8"
        )


def all_verdicts(folder: Path) -> str:
    """The figure and the table of the verdicts of all studies."""
    table = verdict.verdicts(KEPT)
    if table.empty:
        return verdict.NONE_YET
    verdict.draw(table, folder / "verdicts.svg")
    return "\n\n".join(
        [
            f"![{verdict.over_all_studies(table)}](generated/verdicts.svg)",
            verdict.in_markdown(table),
            verdict.over_all_studies(table),
        ]
    )


def studies_page(folder: Path) -> str:
    """A page of all kept studies; writes a page with the tables of each, as shown and as CSV."""
    names = kept_studies()
    for name in names:
        shutil.copytree(KEPT / name, folder / "tables" / name)
        (folder / f"study-{name}.md").write_text(study_page(name, folder), encoding="utf-8")
    listed = "\n".join(f"study-{name}" for name in names)
    said = "Every committed table, with what it was made from. [Results](../results.md) discusses them."
    return f"# Studies\n\n{said}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"


def kept_studies() -> list[str]:
    return sorted(path.name for path in KEPT.iterdir())


def with_reports() -> list[str]:
    """The kept studies whose reports are here and may be shared."""
    return [name for name in kept_studies() if name.startswith(SHARED) and (RESULTS / name / REPORT).exists()]


def publish_reports(folder: Path) -> None:
    """Put each report into a folder of its study, beside what says how its figures were made."""
    for name in with_reports():
        (folder / name).mkdir(parents=True)
        for page in [REPORT, PROVENANCE]:
            shutil.copy(RESULTS / name / page, folder / name / page)


def study_page(name: str, folder: Path) -> str:
    sections = [f"# {name}"]
    if name in with_reports():
        sections.append(f'```{{raw}} html\n<p><a href="../reports/{name}/{REPORT}">The whole report</a></p>\n```')
    for path in sorted((KEPT / name).glob("*.csv"), key=place):
        table = pd.read_csv(path).round(4).astype(object).fillna("")
        link = f"{{download}}`{path.name} <tables/{name}/{path.name}>`"
        shown = table.to_html(index=False, border=0, classes="docutils")
        sections.append(f"## {path.stem}\n\n{link}\n\n```{{raw}} html\n<div {WIDE}>\n{shown}\n</div>\n```")
    return "\n\n".join(sections)


def place(table: Path) -> tuple[int, str]:
    """Where a table appears on the page of its study: the verdict first, the provenance last."""
    named = {"verdict": 0, "comparison": 1, "provenance": 3}
    return named.get(table.stem, 2), table.stem


def api_page() -> str:
    modules = (f"## {title}\n\n" + described(name) for title, name in PUBLIC.items())
    return "\n\n".join(["# API", *modules])


def command_line_page() -> str:
    """The commands of a user; those of the workflow's own jobs have their `--help`."""
    pages = (app[name].generate_docs("markdown", heading_level=2, usage_name=f"lungfuse {name}") for name in COMMANDS)
    heading = "# Command line\n\n`lungfuse --help` lists all commands, with those of single jobs."
    return "\n\n".join([heading, *pages])


def broken_links(site: Path) -> Iterator[str]:
    """The links of a site to a page, file or anchor of its own that is not there, as <page>: <link>."""
    trees = {page: html.parse(page).getroot() for page in site.rglob("*.html") if page.name != PROVENANCE}
    anchors = {page: {*tree.xpath("//@id"), *tree.xpath("//a/@name")} for page, tree in trees.items()}
    for page, tree in trees.items():
        for link in {*tree.xpath("//a/@href"), *tree.xpath("//img/@src")}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link == "#":
                continue
            file = Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
            if not file.exists() or (
                parts.fragment and file in anchors and unquote(parts.fragment) not in anchors[file]
            ):
                yield f"{page.relative_to(site)}: {link}"


if __name__ == "__main__":
    main(Path(*sys.argv[1:] or ["build/site"]))
