"""The safetensors format: float32 tensors by name, written plainly and read strictly.

Eight bytes of length, a JSON header of that length, then the tensors' bytes, end to end. The package of that
name would bring a compiled dependency for these few lines, and reads what a bundle must not hold.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sentio.errors import CorruptStore
from sentio.strict_json import parse_json
from sentio.validation import problem_lines

__all__ = ["read_tensors", "write_tensors"]

Floats = NDArray[np.float32]
_LENGTH = 8


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    dtype: Literal["F32"]
    shape: list[Annotated[int, Field(ge=1)]]
    data_offsets: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]


def write_tensors(tensors: Mapping[str, Floats]) -> bytes:
    """The bytes of a safetensors file, the tensors in the order given."""
    header: dict[str, dict[str, Any]] = {}
    data = b""
    for name, tensor in tensors.items():
        content = np.ascontiguousarray(tensor, "<f4").tobytes()
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)  # the tensors then lie aligned
    return len(text).to_bytes(_LENGTH, "little") + text + data


def read_tensors(content: bytes, where: str) -> dict[str, Floats]:
    """The tensors in the bytes of a safetensors file, without a copy.

    Raises:
        CorruptStore: a type other than float32, a shape that is not its bytes, a name that comes twice, or
            bytes that two tensors share or that none has.
    """
    length = int.from_bytes(content[:_LENGTH], "little")
    data = content[_LENGTH + length :]
    if len(content) < _LENGTH + length or length == 0:
        raise CorruptStore(where, "is shorter than its header")
    document = parse_json(content[_LENGTH : _LENGTH + length], f"{where}, its header")
    try:
        entries = TypeAdapter(dict[str, _Entry]).validate_python(document)
    except ValidationError as error:
        problems = problem_lines(error)
        raise CorruptStore(where, "is not a safetensors file of float32", problems=problems) from None
    end = 0
    tensors = {}
    for name, entry in sorted(entries.items(), key=lambda item: item[1].data_offsets):
        first, last = entry.data_offsets
        if first != end or last - first != 4 * math.prod(entry.shape) or last > len(data):
            raise CorruptStore(
                where, f"{name}: its bytes overlap, leave a hole or are not those of its shape"
            )
        tensors[name] = np.frombuffer(data, "<f4", (last - first) // 4, first).reshape(entry.shape)
        end = last
    if end != len(data):
        raise CorruptStore(where, "holds bytes behind the last tensor")
    return tensors
