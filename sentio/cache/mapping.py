"""Arrays of a cache entry as read-only maps, each hashed through the very map that is handed out."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

from numpy.typing import DTypeLike, NDArray
from xxhash import xxh3_64

from sentio.cache.damage import CHANGED, damaged, reading
from sentio.errors import CorruptStore
from sentio.npy import array_in

__all__ = ["map_npy"]


def map_npy(path: Path, dtype: DTypeLike, shape: tuple[int, ...], xxh3: str) -> NDArray[Any]:
    """Map a file's array, read-only, after its bytes were hashed through the same map.

    Args:
        path: the file.
        dtype, shape: what it must hold.
        xxh3: XXH3-64 of the whole file, 16 hex digits.

    Raises:
        CorruptStore: it is missing, or its bytes or its array are others.
    """
    with reading(path), path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            raise damaged(path, "is empty")
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    if xxh3_64(data).hexdigest() != xxh3:
        raise damaged(path, CHANGED)
    try:
        return array_in(data, dtype, shape, where=str(path))
    except CorruptStore as error:
        raise damaged(path, error.found) from None
