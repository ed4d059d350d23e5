"""A trained module as machine code: torch.export, then AOTInductor, for one window at a time."""

from __future__ import annotations

import copy
import logging
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor, nn

from sentio.bundle.aoti import instruction_set
from sentio.errors import CheckFailed, EnvironmentProblem
from sentio.models import ScaledModel

__all__ = ["Arithmetic", "InstructionSet", "compile_ahead"]

InstructionSet = Literal["none", "avx2", "avx512", "asimd"]


class Arithmetic(nn.Module):
    """The module without its look at the input, which exported graphs drop: their runtimes take it."""

    def __init__(self, module: ScaledModel) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, F] to [B, C]."""
        return self.module.compute(x)


def compile_ahead(module: ScaledModel) -> tuple[bytes, InstructionSet]:
    """Compile a module for batches of one and this processor's instruction set.

    Args:
        module: in evaluation mode, without gradients.

    Returns:
        The bytes of model.pt2, and the instruction set that the code needs.

    Raises:
        EnvironmentProblem: there is no C++ compiler.
        CheckFailed: the module cannot be exported.
    """
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        raise EnvironmentProblem(
            "aoti", "needs a C++ compiler, and there is none on PATH", hint="install g++"
        )
    example = torch.zeros(1, module.seq_len, module.n_features)
    # Not `freezing`: it hands these small products to a library whose calls cost more than they do.
    settings = {"cpp.threads": 1}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch's own deprecations, while it compiles
        logging.getLogger("torch._inductor").setLevel(logging.ERROR)
        try:
            program = torch.export.export(Arithmetic(copy.deepcopy(module)), (example,), strict=False)
            path = torch._inductor.aoti_compile_and_package(
                program, package_path=str(Path(folder) / "model.pt2"), inductor_configs=settings
            )
        except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
            reason = str(error).strip().splitlines()[0]
            raise CheckFailed("model", f"cannot be compiled by AOTInductor: {reason}") from error
        return Path(path).read_bytes(), cast(InstructionSet, instruction_set())
