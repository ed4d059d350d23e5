"""What the C++ libraries hold and export: no state that changes, no name but Sentio's own, each versioned."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sentio.native import cmake_folder

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT / "build" / "shared"
SOURCES = "\n".join(path.read_text() for path in (ROOT / "sentio_native" / "src").rglob("*.?pp"))

# Sections that a program may write to while it runs; .data.rel.ro is read-only once it was loaded.
WRITABLE = re.compile(r"^\.(data|bss|tdata|tbss)(?!\.rel\.ro)")


def nm(*arguments: str | Path) -> list[str]:
    if shutil.which("nm") is None:
        pytest.skip("needs nm, of binutils")
    command = ["nm", "--demangle", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def writable(path: Path) -> set[str]:
    """The names of all that a library or an object file holds in writable memory."""
    rows = [line.split("|") for line in nm("--format=sysv", "--defined-only", path) if line.count("|") >= 6]
    # A demangled name may itself hold a bar, as operator| does.
    return {"|".join(row[:-6]).strip() for row in rows if WRITABLE.match(row[-1].strip())}


def never_constant(names: set[str]) -> set[str]:
    """Those that are not locals of a function: const, made once at its first call, as a guard shows."""
    guard = "guard variable for "
    kept = {name for name in names if not name.startswith(guard) and not name.startswith("DW.ref.")}
    made_once = {name for name in kept if guard + name in names}
    locals_ = {name: name.rpartition("::")[2] for name in made_once}
    constant = {
        name for name, local in locals_.items() if re.search(rf"\bstatic const [^;={{]*\b{local}\b", SOURCES)
    }
    return kept - constant


def test_the_engine_holds_no_state_that_changes() -> None:
    names = writable(cmake_folder().parents[1] / "libsentio_engine.a")
    assert "sentio::catalog()::ops" in names
    assert never_constant(names) == set()


def test_the_runtime_holds_no_state_that_changes() -> None:
    library = ROOT / "build" / "libsentio_runtime.a"
    if not library.is_file():
        pytest.skip("needs build/libsentio_runtime.a, which `make runtime` builds")
    # What LibTorch's headers bring with them is not ours.
    assert {name for name in never_constant(writable(library)) if "sentio::" in name} == set()


@pytest.mark.parametrize(
    "code",
    [
        "int count = 0; int next() { return ++count; }",
        "int next() { static int count = 0; return ++count; }",
        "int next() { thread_local int count = 1; return ++count; }",
        "int first(); int next() { static int count = first(); return ++count; }",
    ],
)
def test_state_that_changes_would_be_found(code: str, tmp_path: Path) -> None:
    compiler = shutil.which("c++") or pytest.skip("needs a C++ compiler named c++")
    source = tmp_path / "state.cpp"
    source.write_text(f"namespace sentio {{ {code} }}\n")
    subprocess.run([compiler, "-c", source, "-o", tmp_path / "state.o"], check=True)
    (name,) = never_constant(writable(tmp_path / "state.o"))
    assert name.endswith("count")


def test_every_public_class_is_exported() -> None:
    headers = sorted((ROOT / "sentio_native" / "include" / "sentio").glob("*.hpp"))
    classes = re.compile(r"^class (SENTIO_API )?(\w+)(?! *;)\b[^;]*?\{", re.MULTILINE)
    found = {name: bool(api) for header in headers for api, name in classes.findall(header.read_text())}
    assert {"Engine", "Session", "SessionBatch"} <= found.keys()
    assert [name for name, exported in found.items() if not exported] == []


@pytest.fixture(params=["engine", "runtime"])
def shared(request: pytest.FixtureRequest) -> Path:
    library = SHARED / f"libsentio_{request.param}.so"
    if not library.is_file():
        pytest.skip(f"needs {library.relative_to(ROOT)}, which `make shared` builds")
    return library


def test_a_shared_library_exports_versioned_names_of_sentio_alone(shared: Path) -> None:
    exported = [line.split(maxsplit=2)[1:] for line in nm("-D", "--defined-only", shared)]
    names = [name for kind, name in exported if kind != "A"]  # A: the version itself
    assert len(names) > 10
    own = re.compile(r"(typeinfo (name )?for |vtable for )?sentio(::|_).*@@SENTIO_0\.1$", re.DOTALL)
    assert [name for name in names if not own.match(name)] == []
    assert shared.resolve().name == f"{shared.name}.0.1.0"


def test_a_shared_library_hides_what_is_internal(shared: Path) -> None:
    exported = "\n".join(nm("-D", "--defined-only", shared))
    for internal in ("sentio::ops::", "sentio::sha256", "sentio::parse_json", "sentio::Kernel", "::Impl::"):
        assert internal not in exported
