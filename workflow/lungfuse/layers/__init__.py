"""Layers that encoders, modalities and models share."""
