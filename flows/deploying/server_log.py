"""What Prefect's server may write down of addresses: a webhook's is a secret, and its errors tell it whole."""

import logging
import re
from pathlib import Path

SETTINGS = Path(__file__).with_suffix(".yml")  # for PREFECT_LOGGING_SETTINGS_PATH
ADDRESS = re.compile(r"(https?://)(?:[^/\s'\"]*@)?([^/?#\s'\"]+)[/?#][^\s'\"]*")


def shortened(text: str) -> str:
    """The text with scheme and host alone of each address in it."""
    return ADDRESS.sub(r"\1\2/...", text)


class HostsOnly(logging.Filter):
    """Shortens the addresses of a record, and of the exception that it tells of."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = shortened(record.getMessage()), None
        if record.exc_info:
            # What a formatter finds here it does not write anew.
            record.exc_text = shortened(logging.Formatter().formatException(record.exc_info))
        return True
