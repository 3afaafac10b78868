"""FixCaps without its classes, repaired: its pooling is fixed after training, and capsules are squashed by their own
length.

Lan et al., IEEE Access 10, 2022, https://doi.org/10.1109/ACCESS.2022.3181225. Published with images of 299 pixels; it
takes 71 and more, and is trained from nothing. Its tokens are capsules, for the architecture of the same name.
"""

from types import ModuleType

from lungfuse.encoders import ImageSpec, Random

SPEC = ImageSpec(source=Random(seed=0), width=8, layers=3, grid=False, shape={"published": False})


def network() -> ModuleType:
    from lungfuse.encoders.networks import fixcaps

    return fixcaps
