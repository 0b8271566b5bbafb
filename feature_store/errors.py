"""Errors of `feature_store`: the subtree below `recsys.errors`, each with a stable `code`.

RecsysError
├── InputError
│   └── FileFormatError     a file cannot be read as rows at all (header, encoding, unknown column)
├── StoreError              base of what goes wrong with stored data
│   ├── LogError            the event log or a history folder holds something it must not
│   └── SetupError          a needed program or server setting is missing or unsafe
└── UnavailableError
    └── BusyError           another process holds the writer's lock; try again
"""

from recsys.errors import InputError, RecsysError, UnavailableError

__all__ = ["BusyError", "FileFormatError", "LogError", "SetupError", "StoreError"]


class FileFormatError(InputError):
    """A file as a whole cannot be read; nothing of it was stored."""

    code = "file_format"


class StoreError(RecsysError):
    """Stored data or its store is not as it must be."""

    code = "store"


class LogError(StoreError):
    """A stored file is damaged or was not written by us."""

    code = "log_damaged"


class SetupError(StoreError):
    """A program or a server setting that we depend on is missing or unsafe; the message says what to do."""

    code = "setup"


class BusyError(UnavailableError):
    """Another process is writing the same folder."""

    code = "busy"
