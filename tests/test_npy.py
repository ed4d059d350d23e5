"""npy files: what numpy writes is read; all else is refused, and no header is evaluated."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from sentio.errors import CorruptStore
from sentio.npy import array_in, write_npy

# numpy's own files are the independent source of what a good file is.
ARRAYS = [
    np.arange(6, dtype=np.int64),
    np.arange(12, dtype=np.float64).reshape(4, 3),
    np.empty((0, 5), np.float32),
    np.float32(1.5).reshape(()),
]


def saved(array: np.ndarray, folder: Path) -> bytes:
    np.save(folder / "x.npy", array)
    return (folder / "x.npy").read_bytes()


def file_with(header: str) -> bytes:
    text = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{list(array.shape)}")
def test_what_numpy_writes_is_read_and_cannot_be_written_to(array: np.ndarray, tmp_path: Path) -> None:
    found = array_in(saved(array, tmp_path), array.dtype, array.shape, where="x")
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()
    assert not found.flags.writeable


def test_blocks_of_rows_make_the_file_that_numpy_makes(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.float64).reshape(4, 3)
    with write_npy(tmp_path / "blocks.npy", array.dtype, array.shape) as file:
        file.append(array[:3])
        file.append(array[3:])
    assert (tmp_path / "blocks.npy").read_bytes() == saved(array, tmp_path)


def test_every_cut_and_every_longer_file_is_refused(tmp_path: Path) -> None:
    data = saved(np.arange(6, dtype=np.int64), tmp_path)
    for spoiled in [*(data[:length] for length in range(len(data))), data + b"\0"]:
        with pytest.raises(CorruptStore):
            array_in(spoiled, np.int64, (6,), where="x")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 2), np.float64),
        np.zeros((2, 3), ">f8"),
        np.zeros((2, 3), np.int64),
        np.zeros(6, np.float64),
        np.zeros((3, 2), np.float64).T,
    ],
    ids=lambda array: f"{array.dtype.str}{list(array.shape)}",
)
def test_another_array_is_refused(array: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(CorruptStore, match=r"expected <f8 \[2, 3\] in C order"):
        array_in(saved(array, tmp_path), np.float64, (2, 3), where="x")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "(((",
        "'''",
        "-" * 9000 + "1",
        "{[]: 1}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999,), }\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n",
        "{'descr': '\xff', 'fortran_order': False, 'shape': (1,), }\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 0, }\n",
    ],
)
def test_a_hostile_header_is_refused_and_never_evaluated(header: str) -> None:
    with pytest.raises(CorruptStore, match=r"^x: is "):
        array_in(file_with(header) + bytes(8), np.float64, (1,), where="x")


def test_an_array_that_would_not_be_aligned_is_refused() -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n"
    length = len(file_with(header))
    aligned = header[:-1] + " " * (-length % 8) + "\n"
    assert array_in(file_with(aligned) + bytes(8), np.float64, (1,), where="x") == [0.0]
    with pytest.raises(CorruptStore, match="not aligned"):
        array_in(
            file_with(header[:-1] + " " * (-length % 8 + 1) + "\n") + bytes(8), np.float64, (1,), where="x"
        )
