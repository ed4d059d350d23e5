"""The backend `aoti` in Python: a package of machine code by AOTInductor, for one window at a time."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sentio.bundle.manifest import Aoti, InputLayout
from sentio.bundle.module import accepted_misfits, run_windows
from sentio.errors import CorruptStore, EnvironmentProblem

__all__ = ["AotiModel", "instruction_set"]


def instruction_set() -> str:
    """What AOTInductor compiles for on this processor: none, avx2, avx512 or asimd."""
    from torch._inductor import cpu_vec_isa

    known = {"avx2": "avx2", "avx512": "avx512", "asimd": "asimd", "neon": "asimd"}
    name = str(cpu_vec_isa.pick_vec_isa()).split()
    return known.get(name[0] if name else "", "none")


class AotiModel:
    """A package, as a bundle's `Model`.

    The package is machine code: give it only bytes whose hash was checked, from a source that is trusted.
    They are written into a folder that this user alone can enter, loaded from there, and removed.

    Args:
        content: the bytes of model.pt2.
        entry: what the manifest says of it.
        layout: of the windows.
        n_outputs: C.

    Raises:
        CorruptStore: the bytes are no package of this torch.
        EnvironmentProblem: this processor lacks what the code needs.
    """

    def __init__(self, content: bytes, entry: Aoti, layout: InputLayout, n_outputs: int) -> None:
        here = instruction_set()
        # What is compiled for avx2 runs where there is avx512 too.
        if entry.instruction_set not in {here, "none", *(["avx2"] if here == "avx512" else [])}:
            raise EnvironmentProblem(
                entry.file, f"was compiled for {entry.instruction_set}; this processor has {here}"
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / entry.file
            path.write_bytes(content)
            try:
                self._package = torch._inductor.aoti_load_package(str(path))
            except (RuntimeError, OSError, KeyError) as error:
                raise CorruptStore(
                    entry.file, f"does not load as an AOTInductor package: {str(error).splitlines()[0]}"
                ) from error
        self.layout = layout
        self.n_outputs = n_outputs

    def run(
        self, features: NDArray[np.float32], rows: NDArray[np.int64], batch_size: int = 1
    ) -> NDArray[np.float32]:
        """As `Model.run`; a batch is run window by window."""
        return run_windows(self._checked, features, rows, self.layout.seq_len, batch_size, self.n_outputs)

    def misfits(self) -> tuple[list[str], int]:
        """As `Model.misfits`: the compiled code looks at nothing, so it is done here."""
        return accepted_misfits(self._checked, self.layout.seq_len, self.layout.n_features)

    def _checked(self, windows: Tensor) -> Tensor:
        expected = (self.layout.seq_len, self.layout.n_features)
        if windows.dtype != torch.float32 or windows.dim() != 3 or windows.shape[1:] != expected:
            raise ValueError(f"the model takes float32 [B, {expected[0]}, {expected[1]}]")
        outputs = [self._package(window.contiguous()) for window in torch.split(windows, 1)]
        return torch.cat(outputs)
