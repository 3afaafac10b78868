"""A reproducible study of whether a chest X-ray and its report together tell lung disease better than either alone."""

__version__ = "0.1.0"
