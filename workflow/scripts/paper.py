"""Print a report as PDF by a headless Chromium or Chrome.

python workflow/scripts/paper.py results/demo/report.html

writes results/demo/report.pdf.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from screenshots import find_browser

MOST_SECONDS = 300
INSTALL = "Install Chromium or Chrome, or print the report from a browser: its print style is the same."


def main() -> None:
    page = Path(sys.argv[1])
    if not page.exists():
        sys.exit(f"{page}: not found. Run the study first: make run STUDY={page.parent.name}.")
    browser = find_browser()
    if browser is None:
        sys.exit(f"Found neither Chromium nor Chrome. {INSTALL}")
    print(printed(page, browser))


def printed(page: Path, browser: str) -> Path:
    """A report as PDF beside it."""
    paper = page.with_suffix(".pdf")
    paper.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
            "--no-pdf-header-footer",
        ]
        command = [browser, *options, f"--print-to-pdf={paper}", page.resolve().as_uri()]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS)
    if not paper.exists():
        sys.exit(f"{page}: {browser} printed nothing ({ran.stderr.strip().splitlines()[-1:]}). {INSTALL}")
    return paper


if __name__ == "__main__":
    main()
