"""Where does fusing image, text and structured data beat the best of its parts? A reproducible study."""

__version__ = "1.0.0"
