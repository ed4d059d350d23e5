"""The command line in this process, and a small workspace with bars and a spec, for tests of commands."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import Any, NamedTuple

import pytest

from sentio.bars import Bars, BarsLibrary, synthesize
from sentio.cli import main
from sentio.workspace import Workspace

TINY_SPEC = """{"schema_version": "1.0", "features": [
  {"name": "return_1", "op": "LOGRET", "source": "close", "window": 1},
  {"name": "return_5", "op": "LOGRET", "source": "close", "window": 5},
  {"name": "rsi_14", "op": "RSI", "source": "close", "window": 14}
], "alignment_policy": {"emit_from_index": "auto", "pad_value": null}, "dtype": "float32"}
"""


class Done(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Sentio:
    """`sentio ARGS`, with errors and exit codes as the outermost frame makes them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["sentio", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code or 0, *self._capsys.readouterr())


@cache
def simulated_bars() -> Bars:
    return synthesize("QQQ", "1m", days=10, seed=7).bars


def stock(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Put ten simulated days of QQQ and the spec `tiny` there; commands find it by SENTIO_ROOT."""
    BarsLibrary(workspace).save(simulated_bars())
    (workspace.specs / "features").mkdir()
    (workspace.specs / "features" / "tiny.json").write_text(TINY_SPEC)
    monkeypatch.setenv("SENTIO_ROOT", str(workspace.root))
    return workspace
