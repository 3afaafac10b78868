"""A web service on the trained models of studies. Not for diagnosis.

Nothing of the workflow imports it. Its web process never imports PyTorch: only `inference`, in the worker, loads
models.
"""
