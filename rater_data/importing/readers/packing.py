"""Files as UTF-8 bytes, however they are packed and in whichever Unicode form: known by their first bytes, not by name.

What unpacks to very much more than it is was made to fill a disk or a memory: a bound on the ratio ends it.
"""

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import zstandard

from rater_data.errors import NOTHING_IMPORTED, BadInput

PACKED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
CHUNK = 2**16  # bytes that are unpacked at once
MOST_UNPACKED = 2**26  # bytes; beyond them a file may become `LARGEST_RATIO` times its size and no more
LARGEST_RATIO = 500  # rows of text are packed to a fiftieth, a bomb to a thousandth and less
XZ_MEMORY = 2**27  # bytes of the dictionary; xz -9 needs 65 MB
ZSTD_INPUT = 2**10  # bytes; 4 of them may stand for 128 kB
ZSTD_WINDOW = 2**27  # bytes; zstd --long=27, the most that its command unpacks without being told

_MAGIC = {
    b"\x1f\x8b": ".gz",
    b"\x28\xb5\x2f\xfd": ".zst",
    **{b"BZh%d1AY&SY" % level: ".bz2" for level in range(1, 10)},
    b"\xfd7zXZ\x00": ".xz",
}
_BYTE_ORDER_MARKS = {  # that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class NotWhole(Exception):
    """A packed file that is cut off or damaged. Its text is the ending that such a file has."""


def open_text(path: Path) -> io.BufferedReader:
    """The bytes of a text file, unpacked and as UTF-8 without a byte order mark.

    Reading raises NotWhole, UnicodeDecodeError for text that is not of its Unicode form, and BadInput for a bomb.
    """
    return _open(path)[0]


def forms_of(path: Path) -> list[str]:
    """What a text file is beside plain UTF-8: its Unicode form, and how it is packed."""
    file, forms = _open(path)
    file.close()
    return forms


def _open(path: Path) -> tuple[io.BufferedReader, list[str]]:
    raw = path.open("rb")
    forms = []
    try:
        file = raw
        start = raw.peek(16)
        kind = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), "")
        if kind:
            forms.append(f"packed as {kind}")
            file = io.BufferedReader(_Stream(_bounded(_unpacked(raw, kind), path), raw), CHUNK)
        start = file.peek(4)
        if start.startswith(codecs.BOM_UTF8):
            file.read(len(codecs.BOM_UTF8))
        elif encoding := _wide_encoding(start):
            forms.insert(0, encoding[:6].upper())
            file = io.BufferedReader(_Stream(_recoded(file, encoding), file), CHUNK)
    except BaseException:
        raw.close()
        raise
    return file, forms


def _wide_encoding(start: bytes) -> str:
    """UTF-16 or UTF-32, if a text that begins so is in one of them; empty for any other."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding
    # what we read begins with two letters, braces, quotes or blanks, all ASCII
    if len(start) >= 4 and start[0] and not start[1] and start[2] and not start[3]:
        return "utf-16-le"
    return "utf-16-be" if len(start) >= 4 and not start[0] and start[1] and not start[2] and start[3] else ""


class _Stream(io.RawIOBase):
    """A file of the pieces that an iterator makes out of another file, which it closes in the end."""

    def __init__(self, pieces: Iterator[bytes], source: io.BufferedReader) -> None:
        self._pieces, self._source = pieces, source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def close(self) -> None:
        self._source.close()
        super().close()


def _recoded(file: io.BufferedReader, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    while data := file.read1(CHUNK):
        yield decoder.decode(data).encode()
    yield decoder.decode(b"", final=True).encode()


def _bounded(pieces: Iterator[bytes], path: Path) -> Iterator[bytes]:
    most = max(MOST_UNPACKED, LARGEST_RATIO * path.stat().st_size)
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise BadInput(
                f"{path.name} unpacks to more than {LARGEST_RATIO} times its size: this is no file of rows. "
                f"{NOTHING_IMPORTED}"
            )
        yield piece


def _unpacked(file: io.BufferedReader, kind: str) -> Iterator[bytes]:
    try:
        if kind == ".gz":
            yield from iter(partial(gzip.GzipFile(fileobj=file).read1, CHUNK), b"")
        elif kind == ".bz2":
            yield from iter(partial(bz2.BZ2File(file).read1, CHUNK), b"")
        elif kind == ".zst":
            yield from _unpacked_zstd(file)
        else:
            yield from _unpacked_xz(file)
    except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise NotWhole(kind) from error
    except OSError as error:
        if error.errno is None:  # gzip and bz2 say so of what is in a file; the disk's errors have a number
            raise NotWhole(kind) from error
        raise


def _unpacked_zstd(file: io.BufferedReader) -> Iterator[bytes]:
    """One frame after the other. The library's own reader of streams takes a file that is cut off for a whole one."""
    packed = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    data = file.read1(ZSTD_INPUT)
    while data:
        frame = packed.decompressobj()
        while not frame.eof:
            if not data and not (data := file.read1(ZSTD_INPUT)):
                raise EOFError
            piece, data = frame.decompress(data), b""
            if piece:
                yield piece
        data = frame.unused_data or file.read1(ZSTD_INPUT)


def _unpacked_xz(file: io.BufferedReader) -> Iterator[bytes]:
    """As lzma.LZMAFile reads, with a bound on the dictionary, whose size is what the file says."""
    data = b""
    while True:  # one stream after the other, as `cat a.xz b.xz` makes them
        data = (data or file.read1(CHUNK)).lstrip(b"\0")  # zeros may stand between them
        if not data:
            return
        decompressor = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
        while not decompressor.eof:
            if decompressor.needs_input and not data:
                data = file.read1(CHUNK)
                if not data:
                    raise EOFError
            piece, data = decompressor.decompress(data, max_length=CHUNK), b""
            if piece:
                yield piece
        data = decompressor.unused_data
