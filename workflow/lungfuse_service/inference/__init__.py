"""What the worker does with trained models: the one place of the service that imports PyTorch."""
