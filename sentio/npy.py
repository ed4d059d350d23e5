"""npy files of format 1.0: written by blocks of rows, and read from their bytes without a copy."""

from __future__ import annotations

import io
import math
import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray
from xxhash import xxh3_64

from sentio.errors import CorruptStore

__all__ = ["NpyWriter", "array_in", "write_npy"]

_START = b"\x93NUMPY\x01\x00"
# As numpy writes it. Its own reader evaluates a Python literal, in which hostile bytes can raise anything.
_HEADER = re.compile(
    rb"\{'descr': '([^']+)', 'fortran_order': (True|False), 'shape': \(((?:\d+, ?)*(?:\d+)?)\), \} *\n"
)


class NpyWriter:
    """Appends blocks of rows to an npy file, and hashes what it writes.

    Plain writes, not a map: a disk that fills up under a map ends the process by a signal.
    """

    def __init__(self, stream: io.BufferedWriter, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        header = io.BytesIO()
        fields = {"descr": dtype.newbyteorder("<").str, "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(header, fields)
        self._stream = stream
        self._dtype = dtype.newbyteorder("<")
        self._hash = xxh3_64()
        self._write(header.getbuffer())

    def append(self, rows: NDArray[Any]) -> None:
        """Write rows, [n, ...]."""
        self._write(np.ascontiguousarray(rows, self._dtype).view(np.uint8).data)

    def xxh3(self) -> str:
        """XXH3-64 of the file so far, 16 hex digits."""
        return str(self._hash.hexdigest())

    def _write(self, data: memoryview) -> None:
        self._stream.write(data)
        self._hash.update(data)


@contextmanager
def write_npy(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> Iterator[NpyWriter]:
    """Open a new npy file for an array of `shape`, whose rows are then appended."""
    with path.open("xb") as stream:
        yield NpyWriter(stream, np.dtype(dtype), shape)


def array_in(
    data: bytes | mmap.mmap, dtype: DTypeLike, shape: tuple[int, ...], *, where: str
) -> NDArray[Any]:
    """The array in the bytes of an npy file, read-only where they are.

    Args:
        data: the whole file.
        dtype, shape: what it must hold, little-endian and in C order.
        where: the file's name, for messages.

    Raises:
        CorruptStore: it holds something else, or is longer or shorter than its array.
    """
    expected = np.dtype(dtype).newbyteorder("<")
    start = len(_START) + 2
    length = int.from_bytes(data[len(_START) : start], "little")
    header = _HEADER.fullmatch(data[start : start + length])
    if data[: len(_START)] != _START or header is None:
        raise CorruptStore(where, "is not an npy file of format 1.0 as numpy writes it")
    descr, fortran, extents = (group.decode("ascii", "replace") for group in header.groups())
    found = f"{descr} [{', '.join(re.findall('[0-9]+', extents))}]"
    found += " in Fortran order" if fortran == "True" else ""
    wanted = f"{expected.str} {list(shape)}"
    if found != wanted:
        raise CorruptStore(where, f"is {found}; expected {wanted} in C order")
    start += length
    if start % expected.itemsize:
        raise CorruptStore(where, "is not aligned: its header has an odd length")
    if len(data) != start + math.prod(shape) * expected.itemsize:
        raise CorruptStore(where, "is longer or shorter than its array")
    return np.frombuffer(data, expected, offset=start).reshape(shape)
