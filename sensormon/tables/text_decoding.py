"""The bytes of a text file as UTF-8 with plain line ends, whatever wrote them."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 4_096


def decoded(data: bytes) -> tuple[bytes, str]:
    r"""The text in UTF-8 with `\n` as the end of a line, and a sentence if its encoding was guessed.

    By its byte-order mark, or UTF-16 if every other byte is NUL, or UTF-8 if the whole file is valid,
    otherwise Windows-1252. A line ends with `\r\n`, `\n` or `\r`. Raises UnicodeDecodeError.
    """
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", ""))
    encoding = encoding or _guessed(data)
    text = data[len(mark) :] if mark else data
    note = "It is not valid UTF-8 and was read as Windows-1252" if encoding == "cp1252" else ""
    if encoding != "utf-8":
        text = text.decode(encoding).encode()
    elif mark:
        text.decode()
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text, note


def _guessed(data: bytes) -> str:
    even, odd = data[:_SAMPLE:2], data[1:_SAMPLE:2]
    if len(odd) > 2:
        if odd.count(0) * 10 > len(odd) * 9 and not even.count(0):
            return "utf-16-le"
        if even.count(0) * 10 > len(even) * 9 and not odd.count(0):
            return "utf-16-be"
    if data.isascii():
        return "utf-8"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
