"""Lung segmentation: U-Nets that learn from annotated X-rays, and the masks they make of a study's images."""
