"""`pip install .` gives the package, the extension, the specs and the C++ library, without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

USE = """
import sentio, sentio_features, sentio.native
spec = sentio.FeatureSpec.load("tfa")
print(sentio.__file__, sentio_features.__file__, spec.n_features, sentio.native.cmake_folder(), sep="\\n")
"""


@pytest.mark.slow
def test_a_wheel_holds_all_that_runs(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    # The environment's own build tools stand in for those that pip would download.
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # The compiler by the name that `make native` calls it, so that a compiler's cache finds its objects.
    environment = {"CXX": "c++", **os.environ, "PATH": tools}
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, env=environment)
    (wheel,) = tmp_path.glob("sentio-*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        assert [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
        archive.extractall(installed)

    # -S: no .pth files, and so not the checkout, which is installed editable.
    packages = sysconfig.get_paths()["platlib"]
    outside = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), packages])}
    done = subprocess.run(
        [sys.executable, "-S", "-c", USE],
        cwd=tmp_path,
        env=outside,
        capture_output=True,
        text=True,
        check=True,
    )
    package, extension, count, cmake_folder = done.stdout.splitlines()
    assert Path(package).is_relative_to(installed)
    assert Path(extension).is_relative_to(installed)
    assert count == "55"

    # What tests/test_examples_cpp.py builds against has the same rules and another place.
    library = Path(cmake_folder).parents[2]
    assert library.is_relative_to(installed)
    for name, header in (("engine", "engine.hpp"), ("runtime", "session.hpp")):
        assert (library / "lib" / f"libsentio_{name}.a").is_file()
        assert (library / "include" / "sentio" / header).is_file()
        targets = (Path(cmake_folder) / f"sentio-{name}-release.cmake").read_text()
        assert f"${{_IMPORT_PREFIX}}/sentio/cpp/lib/libsentio_{name}.a" in targets
    for file in (path for path in library.rglob("*") if path.is_file()):
        assert str(ROOT).encode() not in file.read_bytes(), file
