"""Errors a user can act on."""


class UserError(Exception):
    """Something the user can fix: a file, a setting or the machine.

    The message names the file or parameter, what was found, what was expected and what to do;
    the command line prints it without a traceback and exits with status 1.
    """
