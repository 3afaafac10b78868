"""A notebook as a page of the site: its text, its code, and what the code has printed and drawn."""

import json
from pathlib import Path


def in_markdown(notebook: Path) -> str:
    """The cells of a notebook with their outputs, in Markdown."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in _parts(cell))


def _parts(cell: dict) -> list[str]:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [text]
    return [f"```python\n{text}\n```", *filter(None, map(_shown, cell["outputs"]))]


def _shown(output: dict) -> str:
    """An output as text, or as a picture in the page itself."""
    data = output.get("data", {})
    if "image/png" in data:
        return f'<img alt="What the code above draws" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
    text = "".join(output.get("text") or data.get("text/plain", ""))
    return f"```text\n{text.rstrip()}\n```" if text else ""
