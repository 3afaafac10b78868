"""The memory that a job has taken."""

import resource
import sys


def peak_memory_mb() -> int:
    """Peak memory of this process in MB, and on a GPU that of its allocator."""
    torch = sys.modules.get("torch")  # estimators are fitted without
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated() / 1e6)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
