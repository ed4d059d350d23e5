"""Generated files are those that the code would generate now."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import sentio_features

ROOT = Path(__file__).resolve().parents[1]
NAMES = [
    "docs/reference/bundle_manifest.schema.json",
    "docs/reference/feature_spec.schema.json",
    "docs/reference/ops.md",
    "docs/reference/talib.md",
    "typings/sentio_features.pyi",
]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_fresh(generate: ModuleType) -> None:
    assert sorted(generate.generated()) == NAMES
    assert generate.stale(ROOT) == [], "run: make generate"


def test_a_stale_or_missing_file_fails_the_check_which_names_the_command(tmp_path: Path) -> None:
    script = tmp_path / "docs" / "generate.py"
    script.parent.mkdir()
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "talib_differences.toml", tmp_path / "tests")
    shutil.copy(ROOT / "docs" / "generate.py", script)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True)

    assert run().returncode == 0
    assert run("--check").returncode == 0
    (tmp_path / NAMES[0]).unlink()
    page = tmp_path / NAMES[1]
    page.write_text(page.read_text() + "\n")
    done = run("--check")
    assert done.returncode == 1
    assert NAMES[0] in done.stderr
    assert NAMES[1] in done.stderr
    assert NAMES[2] not in done.stderr
    assert "make generate" in done.stderr
    assert page.read_text().endswith("\n\n")  # the check writes nothing
    assert run("--chek").returncode == 2


def test_the_page_has_a_section_for_every_op_with_every_parameter() -> None:
    page = (ROOT / "docs" / "reference" / "ops.md").read_text()
    sections = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    assert list(sections) == [op["name"] for op in sentio_features.catalog()]
    for op in sentio_features.catalog():
        for param in op["params"]:
            assert f"| `{param['name']}` | {param['type']} |" in sections[op["name"]]
        assert op["definition"].replace("|", "\\|") in sections[op["name"]]


def test_the_stub_declares_what_the_extension_offers() -> None:
    tree = ast.parse((ROOT / "typings" / "sentio_features.pyi").read_text())
    declared = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    offered = {name: member for name, member in vars(sentio_features).items() if not name.startswith("_")}
    assert declared.keys() == offered.keys()
    for name, member in offered.items():
        if inspect.isclass(member) and not issubclass(member, Exception):
            inner = {node.name for node in declared[name].body if isinstance(node, ast.FunctionDef)}
            public = {key for key in vars(member) if not key.startswith("_")}
            assert inner == public | ({"__init__"} & inner)
    assert issubclass(sentio_features.EngineError, ValueError)
