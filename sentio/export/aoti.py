"""A trained module as machine code: torch.export, then AOTInductor, for one window at a time."""

from __future__ import annotations

import copy
import shutil
import tempfile
from pathlib import Path

import torch

from sentio.bundle.aoti import INSTRUCTION_SET, require_instruction_set
from sentio.errors import CheckFailed, EnvironmentProblem, first_line
from sentio.export.graph import Arithmetic, quiet_export
from sentio.models import ScaledModel

__all__ = ["compile_ahead"]


def compile_ahead(module: ScaledModel) -> bytes:
    """Compile a module for batches of one and every processor of `INSTRUCTION_SET`.

    Args:
        module: in evaluation mode, without gradients.

    Returns:
        The bytes of model.pt2.

    Raises:
        EnvironmentProblem: there is no C++ compiler, or this processor could not run the code.
        CheckFailed: the module cannot be exported.
    """
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        raise EnvironmentProblem(
            "aoti", "needs a C++ compiler, and there is none on PATH", hint="install g++"
        )
    require_instruction_set("aoti")
    example = torch.zeros(1, module.seq_len, module.n_features)
    # Not `freezing`: it hands these small products to a library whose calls cost more than they do. The level
    # has vectors of 256 bits; by default both would be this processor's own.
    settings = {"cpp.threads": 1, "cpp.march": INSTRUCTION_SET, "cpp.simdlen": 256}
    with tempfile.TemporaryDirectory() as folder, quiet_export("torch._inductor"):
        try:
            program = torch.export.export(Arithmetic(copy.deepcopy(module)), (example,), strict=False)
            path = torch._inductor.aoti_compile_and_package(
                program, package_path=str(Path(folder) / "model.pt2"), inductor_configs=settings
            )
        except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
            raise CheckFailed("model", f"cannot be compiled by AOTInductor: {first_line(error)}") from error
        return Path(path).read_bytes()
