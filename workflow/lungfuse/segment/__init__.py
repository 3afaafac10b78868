"""Segmentation, of lungs or lesions: U-Nets that learn from annotated images, and their masks of a study's images."""
