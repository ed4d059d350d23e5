"""The backend `aoti` in Python: a package of machine code by AOTInductor, for one window at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sentio.bundle.manifest import Aoti, InputLayout
from sentio.bundle.module import forward, run_windows
from sentio.errors import CorruptStore, EnvironmentProblem, first_line
from sentio.extension import load_extension

__all__ = ["INSTRUCTION_SET", "AotiModel", "require_instruction_set"]

# Of the x86-64 psABI: what all of them are compiled for, and the processor is asked for.
INSTRUCTION_SET = "x86-64-v3"


def require_instruction_set(where: str) -> None:
    """Ask the processor, and its system, for all that machine code of `INSTRUCTION_SET` may use.

    Raises:
        EnvironmentProblem: what is lacking is named.
    """
    lacking = load_extension().lacking_of_x86_64_v3()
    if lacking:
        raise EnvironmentProblem(
            where,
            f"is compiled for {INSTRUCTION_SET}, of which this processor or its system lacks "
            + ", ".join(lacking),
            hint="the backends native and torchscript need no such level",
        )


class AotiModel:
    """A package, as a bundle's `Model`.

    The package is machine code: give it only bytes whose hash was checked, from a source that is trusted.
    Torch is handed them as a sealed file in memory, and unpacks that into a temporary folder of this user's.

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
        require_instruction_set(entry.file)
        with _sealed(content) as path:
            try:
                # Not aoti_load_package: it asks a compiler what the processor has.
                self._package = torch._C._aoti.AOTIModelPackageLoader(path, "model", False, 1, -1)
            except RuntimeError as error:
                raise CorruptStore(
                    entry.file, f"does not load as an AOTInductor package: {first_line(error)}"
                ) from error
        self.layout = layout
        self.n_outputs = n_outputs

    def run(
        self, features: NDArray[np.float32], rows: NDArray[np.int64], batch_size: int = 1
    ) -> NDArray[np.float32]:
        """As `Model.run`; a batch is run window by window."""
        return run_windows(self._checked, features, rows, self.layout.seq_len, batch_size, self.n_outputs)

    def forward(self, windows: NDArray[Any]) -> NDArray[np.float32]:
        """As `Model.forward`: the compiled code looks at nothing, so it is done here."""
        return forward(self._checked, windows)

    def _checked(self, windows: Tensor) -> Tensor:
        expected = (self.layout.seq_len, self.layout.n_features)
        if windows.dtype != torch.float32 or windows.shape[1:] != expected:
            raise ValueError(f"the model takes float32 [B, {expected[0]}, {expected[1]}]")
        outputs = [self._package.run([window.contiguous()])[0] for window in torch.split(windows, 1)]
        return torch.cat(outputs)


@contextmanager
def _sealed(content: bytes) -> Iterator[str]:
    """Bytes as a file in memory, without a name in any folder, whose seals forbid every change."""
    descriptor = os.memfd_create("sentio-model", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
