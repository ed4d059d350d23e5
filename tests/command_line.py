"""The command line in this process, and a small workspace with bars and a spec, for tests of commands."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache

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


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


class Sentio:
    """`sentio ARGS`, with errors and exit codes as the outermost frame makes them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["sentio", *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        written = self._capsys.readouterr()
        return Done(ended.value.code or 0, written.out, written.err)


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
