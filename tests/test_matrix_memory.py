"""Large matrices: memory is used again when nobody looks at it any more, and never before."""

from __future__ import annotations

import gc
import mmap
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

import sentio
from benchmarks.work import bars_for
from sentio import matrix_memory
from sentio.matrix_memory import LARGE, new_matrix

ROWS = LARGE // (55 * 4) + 1


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    """Other tests' matrices neither help these nor are helped by them."""
    matrix_memory._waiting.clear()
    yield
    gc.collect()
    matrix_memory._waiting.clear()


def address(matrix: np.ndarray) -> int:
    return int(matrix.ctypes.data)


@pytest.mark.parametrize("shape", [(ROWS, 55), (3, 55), (0, 55)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_matrix_is_as_numpy_makes_it(shape: tuple[int, int], dtype: type) -> None:
    matrix = new_matrix(shape, dtype)
    assert matrix.shape == shape
    assert matrix.dtype == dtype
    assert matrix.flags.c_contiguous
    assert matrix.flags.aligned
    assert matrix.flags.writeable
    matrix[:] = 1.5
    assert (pickle.loads(pickle.dumps(matrix)) == 1.5).all()


def test_memory_of_a_released_matrix_is_used_again() -> None:
    first = new_matrix((2 * ROWS, 55), np.float32)
    at = address(first)
    del first
    second = new_matrix((55, ROWS), np.float32)  # of another shape, and not larger
    assert address(second) == at


@pytest.mark.parametrize(
    "view",
    [
        lambda matrix: matrix[5:, 3],
        lambda matrix: matrix.reshape(-1)[::7].view(np.uint32),
        lambda matrix: np.lib.stride_tricks.sliding_window_view(matrix, 32, axis=0),
        lambda matrix: np.asarray(memoryview(matrix)),
        lambda matrix: np.from_dlpack(matrix),
        lambda matrix: np.frombuffer(matrix, np.uint8),
    ],
    ids=["slice", "bits", "windows", "memoryview", "dlpack", "buffer"],
)
def test_memory_is_not_used_again_while_a_view_is_left(view) -> None:
    first = new_matrix((ROWS, 55), np.float32)
    at = address(first)
    first[:] = 2.5
    left = view(first)
    before = left.copy()
    del first
    gc.collect()
    second = new_matrix((ROWS, 55), np.float32)
    assert address(second) != at
    second[:] = -1.0
    assert (left == before).all()
    del left
    assert address(new_matrix((ROWS, 55), np.float32)) == at


def test_a_tensor_holds_the_memory() -> None:
    import torch

    first = new_matrix((ROWS, 55), np.float32)
    at = address(first)
    tensor = torch.from_numpy(first)[::2]
    del first
    assert address(new_matrix((ROWS, 55), np.float32)) != at
    del tensor
    # The matrix in between has gone, too: the last one released is what waits.
    assert len(matrix_memory._waiting) == 1


def memory_of(matrix: np.ndarray) -> mmap.mmap:
    return matrix.base.base.obj


def test_one_matrix_waits_at_most_and_only_for_one_like_it() -> None:
    matrices = [new_matrix((ROWS, 55), np.float32) for _ in range(3)]
    memories = [weakref.ref(memory_of(matrix)) for matrix in matrices]
    while matrices:
        del matrices[0]
    assert [memory() is not None for memory in memories] == [False, False, True]
    larger = new_matrix((3 * ROWS, 55), np.float32)  # what waits is too small, and goes back to the system
    assert memories[-1]() is None
    assert len(memory_of(larger)) == larger.nbytes
    del larger
    much_smaller = new_matrix((ROWS, 55), np.float32)  # would hold much more than it needs
    assert len(memory_of(much_smaller)) == much_smaller.nbytes


def test_features_are_the_same_in_used_memory() -> None:
    spec = sentio.FeatureSpec.load("classic")
    bars = bars_for(ROWS)
    expected = np.zeros((ROWS, spec.n_features), np.float32)
    sentio.FeatureEngine(spec).compute(bars, expected)
    used = new_matrix(expected.shape, np.float32)
    used[:] = np.nan
    at = address(used)
    del used
    features = sentio.FeatureEngine(spec).compute(bars)
    assert address(features) == at
    assert features.tobytes() == expected.tobytes()
    del features
    many = sentio.compute_many(spec, {"A": bars, "B": bars[:1000]})
    assert address(many["A"]) == at
    assert many["A"].tobytes() == expected.tobytes()


def test_no_two_threads_get_the_same_memory() -> None:
    """Each holds a matrix while the others do, releases it, and takes another, of whatever waits by then."""
    threads, rounds = 4, 50
    all_hold, all_looked = threading.Barrier(threads), threading.Barrier(threads)
    held: list[list[int]] = [[] for _ in range(rounds)]

    def work() -> None:
        for addresses in held:
            matrix = new_matrix((ROWS, 55), np.float32)
            addresses.append(address(matrix))
            all_hold.wait()
            del matrix
            all_looked.wait()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(len(set(addresses)) == threads for addresses in held)
    assert len({each for addresses in held for each in addresses}) < threads * rounds  # some was used again


def test_too_large_a_matrix_is_refused() -> None:
    with pytest.raises(MemoryError, match=r"no memory for a matrix of 4,000,000,000,000,000 bytes"):
        new_matrix((1_000_000_000, 1_000_000), np.float32)


def test_a_process_ends_well_that_still_holds_one() -> None:
    script = (
        "import numpy as np; from sentio.matrix_memory import LARGE, new_matrix\n"
        "a = new_matrix((LARGE, 1), np.float32); b = new_matrix((LARGE, 1), np.float32); del b; a[:] = 1"
    )
    done = subprocess.run([sys.executable, "-X", "dev", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
