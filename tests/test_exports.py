"""What the package promises: `__all__` everywhere, and no module that cannot be imported."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import sentio

PACKAGE = Path(sentio.__file__).parent


def module_names() -> list[str]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in paths
    ]


@pytest.mark.parametrize("name", module_names())
def test_every_name_in_all_exists(name: str) -> None:
    module = importlib.import_module(name)
    assert sorted(module.__all__) == sorted(set(module.__all__))
    for public in module.__all__:
        assert getattr(module, public) is not None


def test_public_names_of_the_package() -> None:
    assert set(sentio.__all__) == set(sentio._HOMES)
    assert {"open_cache", "load_bundle", "read_bars", "FeatureSpec", "FeatureEngine", "train_tfa"} <= set(
        sentio.__all__
    )


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("numpy", "pyarrow", "pydantic", "torch")
    code = f"import sys, sentio; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
