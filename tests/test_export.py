"""Export: the bundle is the trained module, its goldens are of the test span, and what it refuses to ship."""

from __future__ import annotations

import dataclasses
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import NOON, make_bundle, make_source, walk
from torch import Tensor, nn

from sentio.bundle import load_bundle
from sentio.bundle.folder import Goldens, read_files
from sentio.bundle.manifest import parse_manifest
from sentio.bundle.module import load_module
from sentio.errors import BadInput, CheckFailed, ResourceError, UsageError
from sentio.export import next_version, write_bundle
from sentio.export.run import _git_commit, _user_at_host
from sentio.export.write import _distribution
from sentio.features import FeatureEngine
from sentio.models import ScaledModel


def goldens_of(bundle: Path) -> Goldens:
    files = read_files(bundle)
    return Goldens.read(files, parse_manifest(files["metadata.json"], "metadata.json"))


@pytest.mark.parametrize("length", [1, 4])
def test_the_exported_module_is_the_trained_one_to_the_bit(tmp_path, length):
    source = make_source(length)
    exported = load_module((make_bundle(tmp_path, source) / "model.pt").read_bytes(), "model.pt")
    assert not exported.training
    assert list(exported.parameters()) == []  # frozen: weights are constants, nothing wants a gradient
    draws = torch.Generator().manual_seed(5)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for batch in (1, 2, 7, 64, 256):
            windows = torch.randn(batch, length, 4, generator=draws) * 50
            for _ in range(3):  # TorchScript specialises a module in its first runs
                assert torch.equal(exported(windows), source.module(windows))
    finally:
        torch.set_num_threads(threads)


def test_goldens_are_the_last_256_windows_of_the_test_span(tmp_path):
    source = make_source(4)
    goldens = goldens_of(make_bundle(tmp_path, source))
    first, last = source.test
    golden_times = goldens.ts[goldens.rows]
    assert golden_times.tolist() == source.bars.ts[last - 255 : last + 1].tolist()
    assert golden_times[0] >= source.bars.ts[first]
    start = source.bars.ts.tolist().index(goldens.ts[0])
    bars = source.bars[start : start + len(goldens.ts)]
    assert np.array_equal(goldens.bars, bars.to_array())
    engine = FeatureEngine(source.spec)  # cold: it has seen no bar before the first golden one
    rows = [engine.step(int(ts), *bar) for ts, bar in zip(bars.ts, bars.to_array().tolist(), strict=True)]
    assert np.array_equal(goldens.features, np.array(rows), equal_nan=True)


def test_golden_outputs_are_the_eager_modules_in_each_batch_size(tmp_path):
    source = make_source(4)
    goldens = goldens_of(make_bundle(tmp_path, source))
    windows = torch.stack([torch.tensor(goldens.features[row - 3 : row + 1]) for row in goldens.rows])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for batch in (1, 7, 256):
            outputs = torch.cat([source.module(part) for part in windows.split(batch)])
            assert np.array_equal(goldens.outputs[batch], outputs.numpy()), batch
    finally:
        torch.set_num_threads(threads)


def test_golden_windows_lie_in_one_session_where_training_kept_them_there(tmp_path):
    source = make_source(4, windows_cross_sessions=False)
    goldens = goldens_of(make_bundle(tmp_path, source))
    day = (goldens.ts - source.bars.ts[0]) // (24 * 3600 * 10**9)  # a session begins each day
    assert all(day[row] == day[row - 3] for row in goldens.rows)
    assert len(set(day[goldens.rows].tolist())) > 1


def test_the_tolerance_is_eight_times_float32s_distance_from_float64(tmp_path):
    source = make_source(1)
    bundle = make_bundle(tmp_path, source)
    goldens = goldens_of(bundle)
    # The MLP written out in float64 from its own weights.
    x = np.concatenate([goldens.features[goldens.rows], goldens.stress[:, 0]]).astype(np.float64)
    weights = {name: value.numpy().astype(np.float64) for name, value in source.module.state_dict().items()}
    x = (x - weights["scaler.mean"]) * weights["scaler.inverse_deviation"]
    linear = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    for number, name in enumerate(linear):
        x = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        if number < len(linear) - 1:
            x = 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    deviation = max(np.abs(logits - x[:256]).max() for logits in goldens.outputs.values())
    deviation = max(deviation, np.abs(goldens.stress_outputs - x[256:]).max())
    floor = 4 * np.spacing(np.float32(np.abs(x).max()))
    # Two float64 evaluations of one formula; deviations are some 1e-8, float64's own error some 1e-16.
    told = load_bundle(bundle).manifest.backend("torchscript").tolerance
    assert told == pytest.approx(max(8 * deviation, floor), rel=1e-6)


def with_core(
    core: nn.Module, kind: type[ScaledModel] = ScaledModel, length: int = 1
) -> dict[str, ScaledModel]:
    return {"module": kind(core, 4, length).eval()}


class Cancelling(nn.Module):
    """Adds what it takes away again: what is left has the rounding of a million, a sixteenth."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, -1, :1] + 1e6 - 1e6


def test_a_model_that_rounding_hides_from_other_machines_is_not_shipped(tmp_path):
    with pytest.raises(CheckFailed, match=r"needs a tolerance of 0.2\d+ for the rounding of float32"):
        make_bundle(tmp_path, make_source(1, **with_core(Cancelling())))


@pytest.mark.parametrize("answer", [0.0, 0.3, -1e-4])
def test_a_model_that_always_gives_the_same_is_shipped(tmp_path, answer):
    source = make_source(1)
    *_, weight, bias = source.module.core.parameters()
    weight.zero_()
    bias.fill_(answer)
    bundle = make_bundle(tmp_path, source)
    assert set(load_bundle(bundle).predict(walk(1)).value) == {np.float32(answer)}
    assert goldens_of(bundle).largest_tolerance() == 64 * np.spacing(np.float32(abs(answer)))


def test_the_module_that_is_given_is_left_as_it_is(tmp_path):
    source = make_source(1)
    source.module.train().requires_grad_(True)
    before = {name: value.clone() for name, value in source.module.state_dict().items()}
    bundle = load_bundle(make_bundle(tmp_path, source))
    assert source.module.training
    assert all(parameter.requires_grad for parameter in source.module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in source.module.state_dict().items())
    # Dropout is off in the bundle, although it was on in the module.
    assert np.array_equal(bundle.predict(walk(1)).value, bundle.predict(walk(1)).value)


def test_exporting_twice_gives_the_same_goldens_and_manifest(tmp_path):
    one, other = make_bundle(tmp_path / "one"), make_bundle(tmp_path / "other")
    for path in [*sorted((one / "golden").iterdir()), one / "metadata.json", one / "engine.state"]:
        assert path.read_bytes() == (other / path.relative_to(one)).read_bytes(), path.name


def test_a_version_is_never_overwritten(tmp_path):
    bundle = make_bundle(tmp_path)
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="never overwritten"):
        make_bundle(tmp_path, make_source(4))
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before
    assert [path.name for path in bundle.parent.iterdir()] == ["v1"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "TFA").write_text("in the way")
    with pytest.raises(ResourceError, match="TFA") as caught:
        make_bundle(tmp_path)
    assert caught.value.exit_code == 5


def test_a_test_span_with_too_few_windows_is_refused_with_the_numbers(tmp_path):
    source = make_source(4)
    short = dataclasses.replace(source, test=(400, 654))
    with pytest.raises(
        BadInput, match="rows 400 to 654 end 255 full windows of 4 bars; the goldens need 256"
    ):
        make_bundle(tmp_path, short)
    assert load_bundle(
        make_bundle(tmp_path, dataclasses.replace(source, test=(400, 655)))
    ).manifest.golden.bars
    assert not list(tmp_path.glob("**/.*"))  # nothing half-written is left


def test_outputs_that_are_not_finite_are_not_shipped(tmp_path):
    source = make_source(1)
    source.module.output_mean.fill_(math.nan)
    with pytest.raises(CheckFailed, match="not finite"):
        make_bundle(tmp_path, source)


class Careless(ScaledModel):
    """Looks at nothing: [B, T, 1] and float64 pass by broadcasting and promotion."""

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(x)


class TwoOutputs(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, -1, :2]


class Unscriptable(nn.Module):
    """TorchScript cannot compile *args; tracing can."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.layer(inputs[0][:, -1])


class Untraceable(Unscriptable):
    """What it computes hangs on the number of windows, which a trace would forget."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return super().forward(*inputs) * (2 if len(inputs[0]) == 7 else 1)


def test_a_module_that_accepts_other_shapes_is_not_shipped(tmp_path):
    mean = nn.Sequential(nn.Flatten(), nn.LazyLinear(1)).eval()
    mean(torch.zeros(1, 1, 4))
    with pytest.raises(
        CheckFailed, match=r"accepts .*float32 \[1, 4\].*refuse every other rank, T, F and type"
    ):
        make_bundle(tmp_path, make_source(1, **with_core(mean, Careless)))


def test_a_module_with_two_outputs_is_not_shipped(tmp_path):
    with pytest.raises(CheckFailed, match=r"gives torch.float32 \[1, 2\]"):
        make_bundle(tmp_path, make_source(1, **with_core(TwoOutputs())))


def test_a_network_that_cannot_be_scripted_is_traced_and_still_refuses_other_inputs(tmp_path):
    source = make_source(4, **with_core(Unscriptable(), length=4))
    bundle = load_bundle(make_bundle(tmp_path, source))  # it checks refusals and goldens
    assert bundle.manifest.backend("torchscript").scripted_by == "trace"


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # it warns of just what is tested
def test_a_trace_that_is_not_the_module_is_not_shipped(tmp_path):
    with pytest.raises(CheckFailed, match=r"as TorchScript differs from the trained one by .* in batches of"):
        make_bundle(tmp_path, make_source(4, **with_core(Untraceable(), length=4)))


def test_versions_count_up_from_the_highest(tmp_path):
    folder = tmp_path / "TFA"
    assert next_version(folder) == "v1"
    for name in ("v1", "v2", "v10", "v3-candidate", "vnext", "w99"):
        (folder / name).mkdir(parents=True)
    assert next_version(folder) == "v11"


def test_times_are_written_in_utc_without_fractions(tmp_path):
    destination = tmp_path / "TFA" / "v1"
    clock = NOON.replace(microsecond=123456)
    write_bundle(destination, make_source(), created_at=clock, created_by="a@b")
    assert '"created_at": "2026-01-31T12:00:00Z"' in (destination / "metadata.json").read_text()


def test_the_commit_says_whether_anything_differs_from_it(tmp_path):
    assert _git_commit(tmp_path) is None

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init")
    assert _git_commit(tmp_path) is None  # no commit yet
    git("commit", "--allow-empty", "-m", "first")
    commit = git("rev-parse", "HEAD")
    assert _git_commit(tmp_path) == commit
    (tmp_path / "new").write_text("")
    assert _git_commit(tmp_path) == f"{commit}-dirty"


@pytest.mark.parametrize("each", [1, 3, 100])
def test_each_tenth_of_the_training_rows_is_a_tenth(each):
    spread = _distribution(np.arange(10 * each, dtype=np.float32))
    assert spread.deciles == [k * each - 1 for k in range(1, 10)]
    assert spread.counts == [each] * 10
    assert (spread.min, spread.max) == (0, 10 * each - 1)


def test_who_exported_is_told_in_ascii_as_manifests_are(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "us\u00e9r")
    monkeypatch.setattr("socket.gethostname", lambda: "host")
    assert _user_at_host() == r"us\xe9r@host"
