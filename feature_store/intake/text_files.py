"""Opening text files: gzip by name, byte order marks, and bytes that do not decode kept as surrogates.

Keeping undecodable bytes lets a reader refuse one line and go on with the next.
"""

import codecs
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO, cast

from feature_store.errors import FileFormatError
from feature_store.records.fields import Rejection
from recsys.errors import InputError

__all__ = ["decodes", "not_decodable", "open_text", "plain_suffix"]

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def plain_suffix(path: Path) -> str:
    """The suffix that names the format: `.csv` for both `a.csv` and `a.csv.gz`."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """The text of `path`, line ends untouched. A UTF-8 mark at the start is dropped."""
    encoding = _checked(encoding)
    try:
        _refuse_utf_16(path, encoding)
        opener = gzip.open if path.suffix.lower() == ".gz" else open
        encoding = "utf-8-sig" if encoding == "utf-8" else encoding
        with opener(path, "rt", encoding=encoding, errors="surrogateescape", newline="") as handle:
            yield cast(TextIO, handle)
    except (gzip.BadGzipFile, EOFError) as error:
        raise FileFormatError(f"{str(path)!r} is not a whole gzip file: {error}") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{str(path)!r} is not {encoding} text: {error}") from error


def _refuse_utf_16(path: Path, encoding: str) -> None:
    with _binary(path) as probe:
        start = probe.read(4)
    for mark, name in _MARKS:
        if start.startswith(mark) and not encoding.startswith("utf-16"):
            raise FileFormatError(f"{str(path)!r} is UTF-16 text; add --encoding {name}")


def _binary(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb"))


def _checked(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise InputError(f"unknown encoding {encoding!r}: use utf-8, gb18030, big5, …") from None


def decodes(text: str) -> bool:
    """Whether all bytes of `text` could be decoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def not_decodable(encoding: str, what: str = "the line") -> Rejection:
    """The refusal of text that does not decode."""
    hint = " (a GBK file? add --encoding gb18030)" if codecs.lookup(encoding).name == "utf-8" else ""
    return Rejection("bad_encoding", f"{what} is not valid {encoding}{hint}")
