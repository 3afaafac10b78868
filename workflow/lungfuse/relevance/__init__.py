"""Why a trained network decides as it does: relevance of pixels, words and columns, what it is worth, and its pictures.

The methods are in `lungfuse.explain`, a file each.
"""
