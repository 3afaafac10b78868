"""Numbers as pages write them."""

from django import template

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    """A share in [0, 1]: 3 %; never 0 % or 100 %, which nothing that a model says is."""
    if share is None:
        return ""
    return "< 1 %" if share < 0.01 else "> 99 %" if share > 0.99 else f"{100 * share:.0f} %"


@register.filter
def points(share: float | None) -> str:
    """A gain in points, with its sign."""
    return "" if share is None else f"{100 * share:+.1f}"


@register.filter
def two_digits(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


@register.filter
def signed(value: float) -> str:
    return f"{value:+.2f}"


@register.filter
def width_of(share: float) -> int:
    """A share in whole percent, for a bar."""
    return round(100 * min(max(share, 0), 1))
