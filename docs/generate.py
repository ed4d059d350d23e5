"""Writes what is generated: reference pages, the JSON schemas of spec and manifest, the type stub.

python docs/generate.py            writes the files
python docs/generate.py --check    writes nothing, fails where a file is stale
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from sentio.bundle import Manifest
from sentio.extension import load_extension
from sentio.specs import json_schema

ROOT = Path(__file__).resolve().parents[1]
TALIB_DIFFERENCES = ROOT / "tests" / "talib_differences.toml"


def generated() -> dict[str, str]:
    """The text of each generated file, by its path below the root."""
    extension = load_extension()
    return {
        "docs/reference/ops.md": ops_page(extension.catalog()),
        "docs/reference/talib.md": talib_page(tomllib.loads(TALIB_DIFFERENCES.read_text("utf-8"))),
        "docs/reference/feature_spec.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "docs/reference/bundle_manifest.schema.json": manifest_schema(),
        "typings/sentio_features.pyi": stub(extension),
    }


def manifest_schema() -> str:
    """The JSON schema of a bundle's metadata.json."""
    schema = {"title": "Manifest of a Sentio bundle", **Manifest.model_json_schema(mode="serialization")}
    return json.dumps(schema, indent=2) + "\n"


def stale(root: Path) -> list[str]:
    """The generated files below `root` that are missing or not what they would be now."""
    return [
        name
        for name, text in generated().items()
        if not (root / name).is_file() or (root / name).read_text("utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write the files, or check them; returns the exit code."""
    if arguments == ["--check"]:
        names = stale(ROOT)
        if names:
            print(f"stale: {', '.join(names)}; run: make generate", file=sys.stderr)
        return 1 if names else 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for name, text in generated().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(name)
    return 0


_OPS_HEAD = """\
# The ops

Generated from the engine's catalog by `make generate`; the truth stands beside each kernel, in
`sentio_native/src/ops`.

A feature names an op, a source where the op takes one, and the parameters that differ from their defaults:
`{{"name": "ema_12", "op": "EMA", "source": "close", "window": 12}}`. A source is a column of the bars (`open
high low close volume`), a composite (`hl2 hlc3 ohlc4`), `logret`, or an earlier feature's name. In the
formulas `x` is the source and `x[-n]` its value `n` bars ago. All is computed in double and rounded once; a
value beyond float32's range is emitted as its largest finite number, with the value's sign, 3.4028235e38.
Warm-up is the number of rows before the first valid one, the source's own not counted;
`average_warmup(window, type)` in it is that of a moving average of the chosen type, as its parameter's table
says. Memory says how long a value remembers: a *window* of bars, all bars with *decaying* weight, the bars of
the *session*, or all bars for ever (*unbounded*). `settle`, which `sentio specs explain` tells, is the number
of bars after which a cold start agrees with the long run, for the inputs that the tables of the op, and of
those that it reads, name. Scale is the size that an error is compared with: a number, or that of columns and
sources.

{count} ops:

| op | what | memory | TA-Lib |
|---|---|---|---|
"""


def ops_page(catalog: list[dict[str, Any]]) -> str:
    """The reference of ops, as Markdown."""
    rows = "".join(
        f"| [{name}](#{name.lower()}) | {_cell(op['summary'])} | {op['memory']} | {_code(op['talib'])} |\n"
        for op in catalog
        for name in [op["name"]]
    )
    return _OPS_HEAD.format(count=len(catalog)) + rows + "".join(_op_section(op) for op in catalog)


def _op_section(op: Mapping[str, Any]) -> str:
    facts = {
        "version": str(op["version"]),
        "source": _sources(op["sources"]),
        "columns": ", ".join(map(_code, op["columns"])),
        "warm-up": _code(op["warmup"]),
        "memory": op["memory"],
        "settles": op["settles"],
        "neutral value": op["neutral"],
        "scale": _code(op["scale"]),
        "measured in": _code(op["unit"]),
        "units": "" if op["homogeneous"] else "prices in another unit do more than multiply the value",
        "TA-Lib": _code(op["talib"]),
        "definition": op["definition"],
    }
    text = f"\n## {op['name']}\n\n{op['summary']}.\n\n| | |\n|---|---|\n"
    text += "".join(f"| {name} | {_cell(fact)} |\n" for name, fact in facts.items() if fact)
    if op["params"]:
        text += "\n| parameter | type | allowed | default | meaning |\n|---|---|---|---|---|\n"
    for param in op["params"]:
        default = "must be given" if param["default"] is None else f"{param['default']}"
        allowed = f"{param['min']} to {param['max']}"
        meaning = _cell(param["summary"])
        text += f"| `{param['name']}` | {param['type']} | {allowed} | {default} | {meaning} |\n"
    return text + "".join(_choices(param) for param in op["params"] if param["choices"])


def _sources(defaults: Sequence[str]) -> str:
    """The series that a spec may name, or must."""
    if "" in defaults:
        return f"{len(defaults)} series, which the spec must name"
    return ", ".join(map(_code, defaults)) + " unless the spec names another" if defaults else ""


def _choices(param: Mapping[str, Any]) -> str:
    """What the numbers of a parameter stand for."""
    text = f"\n| `{param['name']}` | stands for | warm-up |\n|---|---|---|\n"
    for choice in param["choices"]:
        told = f"refused: {choice['refused']}" if choice["refused"] else _code(choice["warmup"])
        text += f"| {choice['value']} | {choice['name']} | {told} |\n"
    return text


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


_TALIB_HEAD = """\
# Where the ops differ from TA-Lib

Generated from `tests/talib_differences.toml` by `make generate`. `tests/test_ops_talib.py` compares every op
that TA-Lib 0.8.2 has too, in double, to 1e-9 of the value or of what it is a difference of, and holds the
engine to this list: an op that leaves or joins it fails the test. On bars that are not named here, all agree.

## By definition

| ops | what differs on all bars |
|---|---|
"""
_TALIB_BARS = """
## On some bars

Hostile bars are those of `tests/hostile_bars.py`, files those of real ones.

| bars | ops | why | what the definition says, recomputed |
|---|---|---|---|
"""
_TALIB_HELD = {
    "ours": "ours is nearer in every row that differs",
    "window": "ours is within 1e-9 of the window's own scale",
    "": "not asked",
}


def talib_page(differences: Mapping[str, Any]) -> str:
    """The reference of what differs from TA-Lib, as Markdown."""

    def row(*cells: str) -> str:
        return "| " + " | ".join(_cell(" ".join(cell.split())) for cell in cells) + " |\n"

    by_definition = "".join(row(each["ops"], each["why"]) for each in differences["by_definition"].values())
    on_some_bars = "".join(
        row(", ".join(each["bars"]), each["ops"], each["why"], _TALIB_HELD[each["held"]])
        for each in differences["difference"]
    )
    return _TALIB_HEAD + by_definition + _TALIB_BARS + on_some_bars


_STUB_HEAD = '''\
"""The C++ feature engine of Sentio. Generated by `make generate` from the extension's own signatures."""

from collections.abc import Callable, Sequence
from typing import Any, SupportsFloat, SupportsIndex, SupportsInt

from numpy import float32
from numpy.typing import NDArray

class EngineError(ValueError):
    """`args`: the message, the code in words, and the (path, message) of each problem of a document."""

    args: tuple[str, str, list[tuple[str, str]]]
'''

# What pybind11 writes of a type, and what mypy is told; the extension's dicts and lists are of plain values.
_TYPES = {
    r"\bsentio_features\.": "",
    r"\bnumpy\.typing\.": "",
    r"\btyping\.": "",
    r"\bcollections\.abc\.": "",
    r"\bnumpy\.ndarray\b": "NDArray[Any]",
    r"\bnumpy\.float32\b": "float32",
    r"\bdict\b": "dict[str, Any]",
    r"\blist\b(?!\[)": "list[dict[str, Any]]",
}


def stub(extension: ModuleType) -> str:
    """The type stub of the extension."""
    text = _STUB_HEAD
    functions = ""
    for name, member in vars(extension).items():
        if inspect.isclass(member) and not issubclass(member, Exception):
            text += f"\nclass {name}:\n" + "".join(_members(member))
        elif inspect.isroutine(member):
            functions += f"def {_signature(member.__doc__)}: ...\n"
    return text + "\n" + functions


def _members(owner: type) -> list[str]:
    lines = []
    for name, member in vars(owner).items():
        if isinstance(member, property):
            signature = _signature(f"{name}{member.fget.__doc__}").replace("arg0: " + owner.__name__, "self")
            lines.append(f"    @property\n    def {signature}: ...\n")
        elif (name == "__init__" or not name.startswith("_")) and member.__doc__.startswith(f"{name}("):
            signature = _signature(member.__doc__).replace("self: " + owner.__name__, "self")
            lines.append(f"    def {signature}: ...\n")
    return lines


def _signature(doc: str | None) -> str:
    """The first line of a docstring of pybind11's, in the words of the stub."""
    signature = (doc or "").partition("\n")[0]
    for found, written in _TYPES.items():
        signature = re.sub(found, written, signature)
    return signature


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
