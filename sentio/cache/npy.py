"""npy files of format 1.0: written in blocks by checked writes, and read as a map that was hashed first."""

from __future__ import annotations

import io
import math
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from xxhash import xxh3_64

from sentio.cache.damage import CHANGED, damaged, reading

__all__ = ["NpyWriter", "map_npy", "write_npy"]


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
def write_npy(path: Path, dtype: Any, shape: tuple[int, ...]) -> Iterator[NpyWriter]:
    """Open a new npy file for an array of `shape`, whose rows are then appended."""
    with path.open("xb") as stream:
        yield NpyWriter(stream, np.dtype(dtype), shape)


def map_npy(path: Path, dtype: Any, shape: tuple[int, ...], xxh3: str) -> NDArray[Any]:
    """Map a file's array, read-only, after its bytes were hashed through the same map.

    Args:
        path: the file.
        dtype, shape: what it must hold.
        xxh3: XXH3-64 of the whole file, 16 hex digits.

    Raises:
        CorruptStore: it is missing, or its bytes or its array are others.
    """
    expected = np.dtype(dtype).newbyteorder("<")
    with reading(path), path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            raise damaged(path, "is empty")
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    if xxh3_64(data).hexdigest() != xxh3:
        raise damaged(path, CHANGED)
    try:
        version = npy.read_magic(data)
        found = npy.read_array_header_1_0(data) if version == (1, 0) else None
    except ValueError:
        found = None
    if found != (shape, False, expected):
        raise damaged(path, f"does not hold {expected.str} {list(shape)} in npy format 1.0")
    if len(data) != data.tell() + math.prod(shape) * expected.itemsize:
        raise damaged(path, "is longer or shorter than its array")
    return np.frombuffer(data, expected, offset=data.tell()).reshape(shape)
