"""Sphinx configuration of the site; `make site` builds it with workflow/scripts/make_site.py."""

from lungfuse import __version__

project, author, release, copyright = (
    "lungfuse",
    "The lungfuse authors",
    __version__,
    "The lungfuse authors, Apache-2.0",
)
extensions = ["myst_parser"]
myst_heading_anchors = 3
myst_enable_extensions = ["html_image"]
exclude_patterns = ["generated/verdicts.md"]  # included by index.md
highlight_language = "text"
suppress_warnings = ["misc.highlighting_failure"]  # excerpts of params.yaml are no whole documents
html_theme, html_title = "furo", f"lungfuse {release}"
html_theme_options = {"light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#0072B2"}}
html_copy_source, html_show_sphinx = False, False
