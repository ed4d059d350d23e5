"""The memory of large matrices, used again.

The system fills new memory with zeros before it hands it out, which takes a third of the time of all of
`classic`. malloc may keep small memory; that of the large matrix which was released last waits here.
"""

from __future__ import annotations

import math
import mmap
from collections import deque
from contextlib import suppress
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["LARGE", "new_matrix"]

LARGE = 32 << 20
"""Bytes from which on a matrix's memory is kept here: what is smaller, glibc's malloc may keep."""

# At most one, which the system may take at any time. A deque's append and pop are atomic.
_waiting: deque[mmap.mmap] = deque(maxlen=1)


def new_matrix(shape: tuple[int, int], dtype: DTypeLike) -> NDArray[Any]:
    """A matrix with any values in it, as `numpy.empty` makes it; a large one where a released one has stood.

    Args:
        shape: rows and columns.
        dtype: of the values.

    Returns:
        C-contiguous, aligned, writable. Its memory is used again once neither it nor a view of it is left.

    Raises:
        MemoryError: there is not as much memory.
    """
    values = math.prod(shape)
    size = values * np.dtype(dtype).itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    memory = _taken(size)
    # Every view, however it is made, holds on to this array.
    whole = np.frombuffer(memory, dtype, values)
    finalize(whole, _release, memory).atexit = False
    return whole.reshape(shape)


def _taken(size: int) -> mmap.mmap:
    """Memory of `size` bytes or some more."""
    try:
        memory = _waiting.pop()
        if size <= len(memory) <= 2 * size:
            return memory
        del memory  # given back, before there is more
    except IndexError:
        pass
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"there is no memory for a matrix of {size:,} bytes") from error
    _advise(memory, mmap.MADV_HUGEPAGE)
    return memory


def _release(memory: mmap.mmap) -> None:
    _advise(memory, mmap.MADV_FREE)  # the system may take its pages, and does before it runs out of others
    _waiting.append(memory)


def _advise(memory: mmap.mmap, advice: int) -> None:
    with suppress(OSError):  # not every system knows every advice, and none changes what memory is
        memory.madvise(advice)
