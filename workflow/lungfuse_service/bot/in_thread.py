"""Call what uses the database from what may not wait for it."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

P, T = ParamSpec("P"), TypeVar("T")


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """A function in a thread beside the event loop, with a connection to the database that is alive."""

    @wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        close_old_connections()
        try:
            return function(*arguments, **options)
        finally:
            close_old_connections()

    return sync_to_async(call)
