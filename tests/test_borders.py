"""Who may know whom: every import in the package and every include in the C++ library is read."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# `module` -> the modules that its row of the table names; it may import these, and what these may import.
ROW = re.compile(r"^\| `(\w+)/?` \|([`\w ]*)\| .+ \|$", re.MULTILINE)
DIRECT = {
    module: re.findall(r"\w+", known)
    for module, known in ROW.findall((ROOT / "docs" / "architecture.md").read_text())
}
# These know torch; no other module may.
KNOW_TORCH = {"training", "models", "trainers", "bundle", "export"}


def reachable(module: str) -> set[str]:
    below = set(DIRECT[module])
    for name in DIRECT[module]:
        below |= reachable(name)
    return below


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def module_files() -> list[tuple[str, Path]]:
    package = ROOT / "sentio"
    files = sorted(path for path in package.rglob("*.py") if path != package / "__init__.py")
    return [(path.relative_to(package).parts[0].removesuffix(".py"), path) for path in files]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_the_table_of_the_architecture_lists_the_modules_that_there_are() -> None:
    assert set(DIRECT) == {module for module, _ in module_files()}


@pytest.mark.parametrize(
    ("module", "path"), module_files(), ids=lambda value: str(value).split("sentio/")[-1]
)
def test_a_module_knows_only_what_stands_below_it(module: str, path: Path) -> None:
    assert module in DIRECT, f"{module}: a new concept needs a row in docs/architecture.md"
    allowed = reachable(module) | {module}
    known = {name.split(".")[1] for name in imports_of(path) if name.startswith("sentio.")}
    assert known & DIRECT.keys() <= allowed, f"{path} may not know {sorted(known - allowed)}"


def test_no_file_knows_itself_through_others() -> None:
    names = {path: dotted(path) for path in sorted((ROOT / "sentio").rglob("*.py"))}
    files = set(names.values())
    knows = {}
    for path, name in names.items():
        found = imports_of(path) & files
        # A package that is only the way to a file of its own is not asked for what it exports.
        knows[name] = {known for known in found if not any(file.startswith(f"{known}.") for file in found)}
    try:
        TopologicalSorter(knows).prepare()
    except CycleError as error:
        pytest.fail(" is known by ".join(error.args[1]))


@pytest.mark.parametrize(
    ("module", "path"), module_files(), ids=lambda value: str(value).split("sentio/")[-1]
)
def test_torch_is_imported_by_those_that_may_know_it_only(module: str, path: Path) -> None:
    knows = any(name.split(".")[0] == "torch" for name in imports_of(path))
    assert not knows or module in KNOW_TORCH, f"{path} imports torch"


def test_one_cpp_file_alone_includes_torch() -> None:
    sources = [*(ROOT / "sentio_native").rglob("*.cpp"), *(ROOT / "sentio_native").rglob("*.hpp")]
    including = [path.name for path in sources if re.search(r"#include <(torch|ATen|c10)/", path.read_text())]
    assert including == ["torch_model.cpp"]


def test_public_headers_name_no_json_torch_or_python() -> None:
    for header in (ROOT / "sentio_native" / "include").rglob("*.hpp"):
        includes = re.findall(r"#include [<\"]([^>\"]+)", header.read_text())
        assert not [
            name for name in includes if re.match(r"(nlohmann|torch|ATen|c10|pybind11|Python)", name)
        ], header
        foreign = [name for name in includes if "/" in name and not name.startswith("sentio/")]
        assert not foreign, f"{header} includes {foreign}: a public header includes public headers only"


def test_kernels_know_no_op_and_ops_know_no_engine() -> None:
    source = ROOT / "sentio_native" / "src"
    for path in (source / "kernels").iterdir():
        assert not re.search(r'#include "(ops/|sentio/(catalog|plan|engine))', path.read_text()), path
    for path in (source / "ops").iterdir():
        assert not re.search(r'#include "sentio/(catalog|plan|engine)', path.read_text()), path
    for path in source.glob("*.?pp"):
        assert '#include "runtime/' not in path.read_text(), path
