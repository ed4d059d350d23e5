"""Make the bundles that a release leaves to its successors' tests: python tests/released/make.py

They are this release's own work, on simulated bars, by its own commands, and never made again: a later
release that cannot load them has broken what is in use. What it prints goes into tests/test_released.py.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent

SMALL_SPEC = """{"schema_version": "1.0", "features": [
  {"name": "return_1", "op": "LOGRET", "source": "close", "window": 1},
  {"name": "rsi_14", "op": "RSI", "source": "close", "window": 14},
  {"name": "score_20", "op": "ZWIN", "source": "close", "window": 20}
], "alignment_policy": {"emit_from_index": "auto", "pad_value": null}, "dtype": "float32"}
"""

# Between them: the backends that run on any machine, the networks, outputs of one value and of several.
BUNDLES = {
    "perceptron": ("tfa", ["hidden=[16]"], ["--backend", "native,torchscript,onnx"]),
    "transformer": (
        "small",
        ["model=transformer", "seq_len=8", "d_model=8", "heads=2", "layers=1", "feed_forward=16", "clip=5"],
        ["--backend", "torchscript", "--output", "probability"],
    ),
    "classes": ("small", ["hidden=[8]", "label.kind=move"], ["--backend", "native,torchscript"]),
}


def main() -> int:
    """Make them all, beside this file, in a folder named by the version."""
    folder = HERE / version("sentio")
    if folder.exists():
        print(
            f"{folder.relative_to(HERE.parents[1])}: is made already; a release's bundles stay as they are",
            file=sys.stderr,
        )
        return 2
    with tempfile.TemporaryDirectory() as root:
        environment = {**os.environ, "SENTIO_ROOT": root}

        def sentio(*arguments: str) -> None:
            subprocess.run(
                [Path(sys.executable).with_name("sentio"), *arguments],
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
            )

        specs = Path(root, "specs", "features")
        specs.mkdir(parents=True)
        (specs / "small.json").write_text(SMALL_SPEC)
        sentio("data", "synth", "QQQ", "--interval", "5m", "--days", "40", "--seed", "7")
        for name, (spec, keys, options) in BUNDLES.items():
            sentio("features", "build", "QQQ", "--spec", spec, "--interval", "5m")
            settings = [f"--set={key}" for key in ("max_epochs=2", f"feature_spec={spec}", *keys)]
            sentio("train", "tfa", "--symbol", "QQQ", "--interval", "5m", *settings)
            sentio("export", "--version", name, *options)
        for name in BUNDLES:
            made = shutil.copytree(Path(root, "artifacts", "TFA", name), folder / name)
            identity = hashlib.sha256((made / "SHA256SUMS").read_bytes()).hexdigest()
            print(f'    "{folder.name}/{name}": "{identity}",')
    return 0


if __name__ == "__main__":
    sys.exit(main())
