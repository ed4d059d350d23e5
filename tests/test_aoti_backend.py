"""The backend `aoti`, compiled once for all tests here: parity, refusals, loading, and what it needs."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from bundles import Planted, change_json, make_bundle, make_source, reseal, walk
from cpp_hosts import calls_of_on_bar, expect_the_same_in_threads

from sentio.bundle import load_bundle
from sentio.bundle.aoti import AotiModel
from sentio.bundle.folder import read_files
from sentio.bundle.manifest import parse_manifest
from sentio.bundle.models import accepted_misfits
from sentio.errors import CorruptStore, EnvironmentProblem
from sentio.export.aoti import compile_ahead
from sentio.extension import load_extension
from sentio.verify import verify_bundle

ROOT = Path(__file__).resolve().parents[1]
# x86-64-v3 for the assembler, which knows extensions but not the psABI's levels; ibt is a nop elsewhere.
LEVEL = "generic64+sse3+ssse3+sse4.1+sse4.2+cx16+popcnt+avx+avx2+bmi+bmi2+f16c+fma+lzcnt+movbe+ibt"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    backends = ["aoti", "torchscript"]
    return make_bundle(tmp_path_factory.mktemp("made"), make_source(4), backends=backends)


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def model_of(bundle: Path, **changes: object) -> AotiModel:
    files = read_files(bundle)
    manifest = parse_manifest(files["metadata.json"], "metadata.json")
    return AotiModel(files["model.pt2"], manifest.backends[0].model_copy(update=changes), manifest.input, 1)


def test_the_compiled_module_is_the_trained_one_within_the_tolerance(made):
    bars = walk(sessions=3, seed=9)
    compiled, scripted = load_bundle(made), load_bundle(made, backend="torchscript")
    assert compiled.backend == "aoti"
    ours, theirs = compiled.predict(bars), scripted.predict(bars)
    assert ours.ts.tolist() == theirs.ts.tolist()
    # The tolerance is eight times float32's distance from float64 over the goldens.
    assert np.abs(ours.value - theirs.value).max() <= compiled.manifest.backends[0].tolerance


def test_every_other_shape_and_type_is_refused(made):
    model = model_of(made)
    accepted, offered = accepted_misfits(model.forward, 4, 4)
    assert (accepted, offered) == ([], 10)
    for wrong in (
        torch.zeros(1, 4, 5),
        torch.zeros(1, 3, 4),
        torch.zeros(4, 4),
        torch.zeros(1, 4, 4).double(),
    ):
        with pytest.raises(ValueError, match=r"takes float32 \[B, 4, 4\]"):
            model._checked(wrong)
    # The same values, though they lie otherwise in memory.
    window = torch.randn(1, 4, 4)
    turned = window.transpose(1, 2).contiguous().transpose(1, 2)
    assert not turned.is_contiguous()
    assert torch.equal(model._checked(turned), model._checked(window))


def test_machine_code_holds_no_instruction_beyond_its_level(made, tmp_path):
    # The assembler judges: it gets every instruction again, for a processor that has the level alone.
    with zipfile.ZipFile(made / "model.pt2") as package:
        (name,) = (name for name in package.namelist() if name.endswith(".so"))
        package.extract(name, tmp_path)
    listing = run("objdump", "--disassemble", "--no-show-raw-insn", "--no-addresses", tmp_path / name)
    found = {re.split("[#<]", line)[0].strip() for line in listing.splitlines() if line.startswith("\t")}
    # But jumps, whose places have lost their names, and padding.
    found = {line for line in found if not re.match(r"(bnd )?(call|j[a-z]+)\b|(data16 |cs )+nop", line)}
    assert any("%ymm" in line for line in found), "it is to be vectors, or the test sees too little"

    def complaints(instructions: Iterable[str]) -> str:
        source = tmp_path / "instructions.s"
        source.write_text("".join(f"{line}\n" for line in instructions))
        command = ["as", f"-march={LEVEL}", source, "-o", tmp_path / "instructions.o"]
        return subprocess.run(command, capture_output=True, text=True).stderr

    for beyond in (
        "vaddps %zmm0,%zmm1,%zmm2",
        "vmovups %xmm16,%xmm0",
        "vpdpbusd %ymm0,%ymm1,%ymm2",
        "adcx %eax,%ebx",
    ):
        assert complaints([beyond]) != ""
    assert complaints(sorted(found)) == ""


def test_the_processor_is_asked_for_what_the_system_asks_it_for():
    # By glibc, which chooses its folders of libraries by the same levels.
    (line,) = re.findall("^  x86-64-v3.*$", run("/lib64/ld-linux-x86-64.so.2", "--help"), re.MULTILINE)
    assert (load_extension().lacking_of_x86_64_v3() == []) == ("supported" in line)


def test_a_processor_that_lacks_some_of_the_level_neither_loads_nor_exports(made, monkeypatch):
    lacking = SimpleNamespace(lacking_of_x86_64_v3=lambda: ["movbe", "xcr0"])
    monkeypatch.setattr("sentio.bundle.aoti.load_extension", lambda: lacking)
    for attempt in (lambda: model_of(made), lambda: compile_ahead(make_source(4).module)):
        with pytest.raises(EnvironmentProblem, match=r"x86-64-v3, of which .* lacks movbe, xcr0") as caught:
            attempt()
        assert caught.value.exit_code == 6


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="needs qemu-user")
def test_sentio_cli_does_not_load_it_where_the_processor_lacks_some_of_the_level(made, sentio_cli):
    # BMI2 is what -march=native once put into packages that were told to need AVX-512F alone.
    done = run("qemu-x86_64", "-cpu", "Haswell,-bmi2", sentio_cli, "verify", made, "--json")
    lines = {line["name"]: line for line in json.loads(done)["checks"]}
    assert lines["aoti: model"]["ok"] is None
    assert lines["aoti: model"]["detail"].endswith("of which this processor or its system lacks bmi2")
    assert lines["torchscript: wrong inputs refused"]["ok"]


def test_another_level_is_refused_by_both_readers(made, sentio_cli, tmp_path):
    bundle = Path(shutil.copytree(made, tmp_path / "copy"))
    change_json(bundle, "metadata.json", Planted(("backends", 0, "instruction_set"), "x86-64-v4"))
    with pytest.raises(CorruptStore, match="instruction_set"):
        load_bundle(bundle)
    lines = {check.name: check for check in verify_bundle(bundle, sentio_cli).checks}
    assert lines["C++: manifest"].ok is False
    assert "instruction_set" in lines["C++: manifest"].detail


def test_it_loads_and_runs_where_no_program_is_on_the_path(made):
    words = (
        "import numpy as np; from sentio.bundle import load_bundle; "
        f"model = load_bundle({str(made)!r}, backend='aoti').model; "
        "print(model.run(np.zeros((4, 4), np.float32), np.array([3])).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", words], env={"PATH": ""}, cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("(1, 1)\n", "", 0)


# What a package sees of its own loading: its file's seals, and who may enter the folder that it lies in.
WITNESS = r"""
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((constructor)) static void testify(void) {
  FILE* out = fopen(getenv("SENTIO_TESTIMONY"), "w");
  char path[PATH_MAX], target[PATH_MAX];
  for (int k = 3; k < 1024; ++k) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", k);
    const ssize_t size = readlink(path, target, sizeof target);
    if (size > 6 && memcmp(target, "/memfd", 6) == 0) fprintf(out, "seals %d\n", fcntl(k, F_GET_SEALS));
  }
  Dl_info self;
  dladdr((void*)testify, &self);
  snprintf(path, sizeof path, "%s", self.dli_fname);
  const size_t outer = strlen(getenv("TMPDIR")) + 1;
  path[outer + strcspn(path + outer, "/")] = 0;
  struct stat info;
  stat(path, &info);
  fprintf(out, "folder %s %o %d\n", path, info.st_mode & 07777, info.st_uid == getuid());
  fclose(out);
}
"""


def give_witness(bundle: Path, folder: Path) -> None:
    """Put a library that tells of its loading in the place of the bundle's own, and seal the bundle."""
    (folder / "witness.c").write_text(WITNESS)
    run("gcc", "-D_GNU_SOURCE", "-shared", "-fPIC", folder / "witness.c", "-o", folder / "witness.so")
    with zipfile.ZipFile(bundle / "model.pt2") as package:
        members = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(bundle / "model.pt2", "w") as package:
        for name, content in members.items():
            package.writestr(name, (folder / "witness.so").read_bytes() if name.endswith(".so") else content)
    reseal(bundle)


@pytest.mark.parametrize("reader", ["python", "cpp"])
def test_it_is_loaded_from_a_sealed_file_by_way_of_a_private_folder(
    made, sentio_cli, tmp_path, monkeypatch, reader
):
    temporary, told = tmp_path / "temporary", tmp_path / "testimony"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("SENTIO_TESTIMONY", str(told))

    def load(bundle: Path) -> bool:
        if reader == "cpp":
            done = subprocess.run([sentio_cli, "verify", bundle, "--json"], capture_output=True, text=True)
            return bool(
                {line["name"]: line for line in json.loads(done.stdout)["checks"]}["aoti: model"]["ok"]
            )
        try:
            model_of(bundle)
        except CorruptStore:
            return False
        return True

    assert load(made)
    assert list(temporary.iterdir()) == []  # removed with the model; where loading fails, torch leaves it
    bundle = Path(shutil.copytree(made, tmp_path / "copy"))
    give_witness(bundle, tmp_path)
    assert not load(bundle)  # a witness is no model
    seals, folder = told.read_text().splitlines()
    every = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    assert seals == f"seals {every}"
    _, path, mode, own = folder.split()
    assert Path(path).parent == temporary
    assert (mode, own) == ("700", "1")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a package"], ids=["empty", "zip", "text"])
def test_bytes_that_are_no_package_are_refused(made, tmp_path, content):
    bundle = Path(shutil.copytree(made, tmp_path / "copy"))
    (bundle / "model.pt2").write_bytes(content)
    with pytest.raises(CorruptStore, match="does not load as an AOTInductor package"):
        load_bundle(reseal(bundle))


def test_without_a_compiler_the_error_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvironmentProblem, match="needs a C\\+\\+ compiler") as caught:
        compile_ahead(make_source(4).module)
    assert caught.value.exit_code == 6


def test_sentio_cli_runs_it(made, sentio_cli):
    checks = {check.name: check for check in verify_bundle(made, sentio_cli).checks}
    assert [name for name, check in checks.items() if check.ok is not True] == []
    # Rank, T, F and type of one window, two windows, and one that is not contiguous.
    assert checks["C++: aoti: wrong inputs refused"].detail.startswith("12 of 12")


def test_its_calls_at_a_bar_are_counted(made, sentio_cli, record_property):
    found = calls_of_on_bar(made, "aoti")
    record_property("calls of on_bar: least, median, most", str(found))
    least, median, most = found["allocations"]
    assert 0 < least <= median <= most
    assert found["writes"] == (0, 0, 0)


@pytest.mark.parametrize("backend", ["aoti", "torchscript"])
def test_sessions_in_threads_over_one_bundle_compute_the_same(made, sentio_cli, backend):
    expect_the_same_in_threads(made, backend)
