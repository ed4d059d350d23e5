"""The guide to adding a trainer, followed to the letter in another folder."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch
from command_line import Sentio

from sentio import trainers
from sentio.bundle.module import torchscript
from sentio.training import open_run

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guides" / "add-a-trainer.md"


def block(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return text


@pytest.fixture
def trainer_folder(tmp_path, monkeypatch):
    """A folder in which trainers are found as if it were sentio/trainers."""
    folder = tmp_path / "trainers"
    folder.mkdir()
    monkeypatch.setattr(trainers, "__path__", [*trainers.__path__, str(folder)])
    yield folder
    sys.modules.pop("sentio.trainers.gru", None)
    vars(trainers).pop("gru", None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nosuchmod", "ModuleNotFoundError: No module named 'nosuchmod'"),
        ("def build(", "SyntaxError: '(' was never closed"),
        ("def build(config, n_features, seq_len, n_outputs): ...", "has no attribute 'Config'"),
    ],
)
def test_a_trainer_that_cannot_be_loaded_is_named_and_hides_no_other(trainer_folder, sentio, text, told):
    (trainer_folder / "gru.py").write_text(text)
    done = sentio("train", "gru")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: trainer gru: cannot be loaded: ")
    assert told in done.err
    done = sentio("train", "--help")
    assert done.code == 0
    assert "Keys of tfa" in done.out
    assert told in done.err


def test_following_the_guide_gives_a_trainer_that_trains(trainer_folder, bars_workspace, sentio: Sentio):
    (trainer_folder / "gru.py").write_text(block("python"))
    (bars_workspace.specs / "train").mkdir()
    (bars_workspace.specs / "train" / "gru.yaml").write_text(block("yaml") + "feature_spec: tiny\n")
    for line in block("sh").splitlines():
        done = sentio(*line.removeprefix("sentio ").split())
        assert done.code == 0, done.err
    assert "model" in done.out
    run = open_run(bars_workspace)
    assert (run.manifest.trainer, run.manifest.seq_len, run.manifest.label.horizon) == ("gru", 16, 5)
    model = trainers.load_model(run)
    x = torch.randn(3, 16, len(run.manifest.features))
    with torchscript():
        scripted = torch.jit.script(model)
    assert torch.equal(model(x), scripted(x))
    shown = sentio("train", "--help")
    assert "Keys of gru" in shown.out
    words = " ".join(shown.out.split())
    assert "specs/train/gru.yaml changes these: lr=0.003, label.horizon=5, feature_spec=tiny." in words
    assert "specs/train/tfa.yaml changes these: label.horizon=5, lr=0.0003." in words
    assert "width of the recurrent state" in shown.out
