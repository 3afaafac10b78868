"""The findings of the data check: one module a group, found by its name, which is the kind of its findings.

Each offers `findings(data: Checked) -> Iterator[Finding]`.
"""

from types import ModuleType

from lungfuse import registry


def finding_names() -> list[str]:
    """The names of all groups of findings."""
    return list(registry.names(__name__))


def finding_modules() -> list[str]:
    """Their modules."""
    return [registry.module_of(__name__, name) for name in finding_names()]


def load_findings(name: str) -> ModuleType:
    """The module of a group of findings.

    Raises:
        UserError: there is none, or it cannot be imported.
    """
    return registry.load(__name__, name)
