"""The networks and the module around them: shapes, refusals, scripting, and the scaler's arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sentio.bundle.module import torchscript
from sentio.errors import BadInput
from sentio.models import MLP, FeatureScaler, ScaledModel, Transformer

F, T = 5, 8


def mlp() -> ScaledModel:
    torch.manual_seed(1)
    return ScaledModel(MLP(F, [16, 16], 0.1), F, 1).eval()


def transformer(layers: int = 2) -> ScaledModel:
    torch.manual_seed(1)
    core = Transformer(F, T, d_model=12, heads=3, layers=layers, feed_forward=24, dropout=0.1)
    return ScaledModel(core, F, T).eval()


@pytest.mark.parametrize("model", [mlp(), transformer(), transformer(layers=1)], ids=["mlp", "two", "one"])
@pytest.mark.parametrize("batch", [1, 7, 256])
@torch.no_grad()
def test_the_scripted_and_frozen_module_gives_the_same_bits(model, batch):
    # As `load_model` gives it: frozen weights that ask for gradients run through other kernels.
    model.requires_grad_(False)
    x = torch.randn(batch, model.seq_len, F)
    with torchscript():
        frozen = torch.jit.freeze(torch.jit.script(model))
    assert model(x).shape == (batch, 1)
    assert torch.equal(model(x), frozen(x))


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(2, T, F + 1),
        torch.zeros(2, T, 1),
        torch.zeros(2, T + 1, F),
        torch.zeros(2, 1, F),
        torch.zeros(T, F),
        torch.zeros(1, 2, T, F),
        torch.zeros(2, T, F, dtype=torch.float64),
        torch.zeros(2, T, F, dtype=torch.float16),
    ],
    ids=["F+1", "F=1", "T+1", "T=1", "rank 2", "rank 4", "float64", "float16"],
)
def test_another_shape_or_dtype_is_refused_by_the_module_itself(wrong):
    model = transformer()
    with pytest.raises(ValueError, match="the model takes"):
        model(wrong)
    with torchscript():
        scripted = torch.jit.script(model)
        frozen = torch.jit.freeze(scripted)
    for compiled in (scripted, frozen):
        with pytest.raises(torch.jit.Error, match="the model takes"):
            compiled(wrong)


def test_the_default_networks_have_the_sizes_that_were_asked_for():
    def parameters(module: torch.nn.Module) -> int:
        return sum(weights.numel() for weights in module.parameters())

    assert parameters(MLP(55, [128, 128], 0.1)) == (55 + 1) * 128 + (128 + 1) * 128 + 129
    width, feed = 96, 192
    attention = 4 * (width + 1) * width
    block = attention + (width + 1) * feed + (feed + 1) * width + 2 * 2 * width
    expected = (55 + 1) * width + 32 * width + 2 * block + 2 * width + width + 1
    core = Transformer(55, 32, d_model=width, heads=4, layers=2, feed_forward=feed, dropout=0.1)
    assert parameters(core) == expected


@torch.no_grad()
def test_computing_the_last_query_alone_changes_nothing():
    """The last block over all positions, read at the last one, written out with torch's own attention."""
    core = transformer().core
    x = torch.randn(3, T, F)
    hidden = core.embed(x) + core.positions
    for block in (*core.blocks, core.last):
        normed = block.attention_norm(hidden)
        split = [
            part(normed).view(3, T, 3, 4).transpose(1, 2)
            for part in (block.attention.query, block.attention.key, block.attention.value)
        ]
        weights = torch.softmax(split[0] @ split[1].transpose(2, 3) / 2.0, dim=-1)  # √(12 / 3 heads) = 2
        hidden = hidden + block.attention.out((weights @ split[2]).transpose(1, 2).reshape(3, T, 12))
        hidden = hidden + block.feed(block.feed_norm(hidden))
    expected = core.read(core.norm(hidden[:, -1]))
    torch.testing.assert_close(core(x), expected, rtol=1e-5, atol=1e-6)  # float32 sums in another order


@torch.no_grad()
def test_the_transformer_tells_the_order_of_the_bars():
    model = transformer()
    x = torch.randn(1, T, F)
    swapped = x.clone()
    swapped[:, [0, 1]] = x[:, [1, 0]]
    assert not torch.equal(model(x), model(swapped))


def test_the_scaler_standardises_its_rows_in_float64_accuracy():
    draws = np.random.default_rng(2)
    features = (draws.normal(size=(70_000, 3)) * [1e-6, 1.0, 0.25] + [0.0, 1e6, -7.0]).astype(np.float32)
    rows = np.arange(100, 70_000, 1)  # more than one chunk
    scaler = FeatureScaler(3)
    scaler.fit(features, rows)
    exact = features[rows].astype(np.float64)
    np.testing.assert_array_equal(scaler.mean.numpy(), exact.mean(axis=0).astype(np.float32))
    np.testing.assert_allclose(scaler.inverse_deviation.numpy(), 1 / exact.std(axis=0), rtol=2**-23)


def test_the_scaler_sees_no_other_row():
    features = np.random.default_rng(2).normal(size=(50, 2)).astype(np.float32)
    rows = np.arange(10, 40)
    scaler, again = FeatureScaler(2), FeatureScaler(2)
    scaler.fit(features, rows)
    features[:10] = np.nan
    features[40:] = 1e30
    again.fit(features, rows)
    assert torch.equal(scaler.mean, again.mean)
    assert torch.equal(scaler.inverse_deviation, again.inverse_deviation)


def test_a_constant_feature_keeps_its_scale_and_becomes_zero():
    features = np.full((1000, 1), 0.1, dtype=np.float32)
    scaler = FeatureScaler(1)
    scaler.fit(features, np.arange(1000))
    assert scaler.inverse_deviation.item() == 1.0
    assert scaler(torch.from_numpy(features)).abs().max() == 0.0


def test_a_feature_that_is_not_finite_is_refused_by_its_column():
    features = np.zeros((10, 3), dtype=np.float32)
    features[4, 1] = np.inf
    with pytest.raises(BadInput, match=r"\[1\]"):
        FeatureScaler(3).fit(features, np.arange(10))
