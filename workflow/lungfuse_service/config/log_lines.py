"""The lines of the log, without what must not be read there."""

import logging

HIDDEN = "<hidden>"


class LineFormatter(logging.Formatter):
    """Lines in which secrets, such as a token in an address, are hidden."""

    def __init__(self, *arguments, secrets: list[str], **options):
        super().__init__(*arguments, **options)
        self.secrets = [each for each in secrets if each]

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self.secrets:
            line = line.replace(secret, HIDDEN)
        return line
