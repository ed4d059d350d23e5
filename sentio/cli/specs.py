"""`sentio specs`: list, show, validate, lint and explain feature specs, print their schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sentio.cli.screen import (
    IntervalOption,
    JsonOption,
    RootOption,
    SpecArgument,
    print_json,
    progress,
    table,
    tree,
)

if TYPE_CHECKING:
    from rich.tree import Tree

    from sentio.bars import Bars
    from sentio.explain import Explanation, FeatureCost, Node
    from sentio.lint import Finding
    from sentio.specs import FeatureSpec

__all__ = ["app"]

app = typer.Typer(help="Feature specs: list, show, validate, lint, explain, schema.", no_args_is_help=True)


@app.command("list")
def list_(as_json: bool = JsonOption, root: Path | None = RootOption) -> None:
    """List the specs of the project and those that ship with Sentio.

    Example: sentio specs list
    """
    from sentio.errors import SpecError
    from sentio.specs import FeatureSpec, list_specs

    documents, rows = [], []
    for name, path in list_specs(root).items():
        try:
            spec = FeatureSpec.load(path)
        except SpecError as error:
            documents.append({"name": name, "path": str(path), "problems": list(error.problems)})
            rows.append([name, "", "", error.found, str(path)])
        else:
            documents.append({"name": name, "path": str(path), **_facts(spec)})
            text = spec.document.description or ""
            rows.append([name, str(spec.n_features), str(spec.first_valid_row), text, str(path)])
    if as_json:
        print_json(documents)
    else:
        table("", ["name", "features", "first valid row", "description", "file"], rows)


@app.command()
def show(
    name: str = SpecArgument,
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Show a spec as the engine compiles it.

    Example: sentio specs show tfa
    """
    from sentio.specs import FeatureSpec

    spec = FeatureSpec.load(name, root)
    features = [feature.model_dump() for feature in spec.features]
    if as_json:
        print_json({"name": spec.name, **_facts(spec), "columns": features})
        return
    of_sessions = spec.features_of_sessions
    texts = _facts(spec) | {"settle": _settle(spec.settle, spec.reads_sessions)}
    facts = [[fact.replace("_", " "), str(value)] for fact, value in texts.items()]
    table(f"{spec.name}: {spec.document.description or 'no description'}", ["fact", "value"], facts)
    rows = [
        [
            feature.name,
            feature.op,
            ", ".join(feature.source),
            ", ".join(f"{name} {value}" for name, value in feature.params.items()),
            str(feature.warmup),
            _settle(feature.settle, feature.name in of_sessions),
        ]
        for feature in spec.features
    ]
    table("", ["feature", "op", "source", "parameters", "warm-up", "settle"], rows)


@app.command()
def validate(
    name: str = SpecArgument,
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Compile a spec and report all that is wrong with it.

    Example: sentio specs validate specs/features/tfa.json
    """
    from sentio.specs import FeatureSpec

    spec = FeatureSpec.load(name, root)
    if as_json:
        print_json({"name": spec.name, **_facts(spec)})
    else:
        print(f"{name}: good, {spec.n_features} features, the first valid row is {spec.first_valid_row}")


@app.command()
def lint(
    name: str = SpecArgument,
    symbol: str = typer.Option(..., "--symbol", help="Whose bars to look at, such as QQQ."),
    interval: str | None = IntervalOption,
    rho: float = typer.Option(
        0.999, "--rho", help="Near-duplicate: a correlation (Pearson) with an earlier feature above this."
    ),
    neutral: float = typer.Option(
        0.95, "--neutral", help="Mostly neutral: one value in a larger share of the rows than this."
    ),
    psi: float = typer.Option(
        0.25, "--psi", help="Drifting: a population stability index between the history's halves above this."
    ),
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Look for features that tell nothing, tell it twice, or will mean something else tomorrow.

    Constant, duplicate, near-duplicate and scale-dependent features (their values change with the unit of
    prices or volumes) fail: it then ends with 1. Mostly neutral and drifting features, and those that a cold
    start never agrees about (no settle, or none without a session start, on bars that hold none), are
    warnings: it ends with 0.

    Example: sentio specs lint tfa --symbol QQQ --interval 5m
    """
    from dataclasses import asdict

    from sentio.bars import BarsLibrary
    from sentio.errors import CheckFailed
    from sentio.lint import RULES, Thresholds
    from sentio.lint import lint as lint_spec
    from sentio.specs import FeatureSpec
    from sentio.workspace import Workspace

    workspace = Workspace.find(root)
    spec = FeatureSpec.load(name, workspace.root)
    thresholds = Thresholds(rho, neutral, psi)
    bars = BarsLibrary(workspace).load(symbol, interval)
    with progress(f"linting {spec.name}", len(RULES)) as advance:
        findings = lint_spec(spec, bars, thresholds, progress=lambda rule: advance(1, rule))
    ok = not any(finding.fails for finding in findings)
    if as_json:
        print_json(
            {
                "spec": spec.name,
                "spec_hash": spec.hash,
                "symbol": bars.symbol,
                "interval": bars.interval,
                "bars_hash": bars.hash,
                "simulated": bars.simulated,
                "rows": len(bars) - spec.first_valid_row,
                "thresholds": asdict(thresholds),
                "findings": [asdict(finding) for finding in findings],
                "ok": ok,
            }
        )
    else:
        _show_findings(spec, bars, findings)
    if not ok:
        raise typer.Exit(CheckFailed.exit_code)


@app.command()
def explain(
    name: str = SpecArgument,
    feature: str | None = typer.Argument(None, help="One feature, drawn as a tree, hidden or not; else all."),
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Show the engine's plan of a spec: each node, who shares it, warm-up, settle and cost.

    A node is computed once, whoever needs it. Costs are nanoseconds a bar, measured here in a run of the
    whole plan on simulated bars; those of a feature are of all that it needs, and of what it alone needs.

    Example: sentio specs explain tfa rsi_14
    """
    from dataclasses import asdict

    from sentio.explain import explain as explain_spec
    from sentio.specs import FeatureSpec

    spec = FeatureSpec.load(name, root)
    explained = explain_spec(spec)
    if feature is not None:
        explained = explained.of(feature)
    if as_json:
        features = [
            {**each.feature.model_dump(), "node": each.node, "output": each.output, "nodes": each.nodes}
            | {"hidden": each.hidden, "cost_ns": each.cost, "own_cost_ns": each.own}
            for each in (*explained.features, *explained.hidden)
        ]
        nodes = [
            {("cost_ns" if key == "cost" else key): value for key, value in asdict(node).items()}
            for node in explained.nodes.values()
        ]
        costs = {"cost_ns": explained.cost, "rest_ns": explained.rest}
        print_json({"name": spec.name, "hash": spec.hash, **costs, "features": features, "nodes": nodes})
    elif feature is not None:
        tree(_drawn(explained, explained.features[0]))
    else:
        _show_explanation(spec, explained)


@app.command()
def schema() -> None:
    """Print the JSON schema of a feature spec, for editors.

    Example: sentio specs schema > feature_spec.schema.json
    """
    from sentio.specs import json_schema

    print_json(json_schema())


def _show_findings(spec: FeatureSpec, bars: Bars, findings: tuple[Finding, ...]) -> None:
    rows = [
        [finding.feature, finding.rule, "FAILS" if finding.fails else "warning", finding.found]
        for finding in findings
    ]
    if rows:
        table("", ["feature", "rule", "result", "found"], rows)
    for rule, advice in {finding.rule: finding.advice for finding in findings}.items():
        print(f"{rule}: {advice}")
    failing = sum(finding.fails for finding in findings)
    where = f"{bars.symbol} {bars.interval}{' SIMULATED' if bars.simulated else ''}"
    print(
        f"{spec.name} on {where}, {len(bars) - spec.first_valid_row:,} rows of {spec.n_features} features: "
        f"{failing} findings that fail, {len(findings) - failing} that warn"
    )


def _show_explanation(spec: FeatureSpec, explained: Explanation) -> None:
    rows = [
        [
            each.feature.name,
            each.feature.op,
            f"#{each.node}{_output(each.output)}",
            str(len(each.nodes)),
            str(each.feature.warmup),
            _settle(each.feature.settle, explained.nodes[each.node].reads_sessions),
            _cost(each.cost),
            _cost(each.own),
        ]
        for each in explained.features
    ]
    heads = ["feature", "op", "node", "needs nodes", "warm-up", "settle", "ns a bar", "of its own"]
    table("", heads, rows)
    rows = [
        [
            f"#{node.index}",
            f"{_formula(node)}{_named(node)}",
            ", ".join(_read(explained, *ref) for ref in node.inputs),
            str(node.warmup),
            _settle(node.settle, node.reads_sessions),
            str(node.history),
            _cost(node.cost),
            node.features[0] if len(node.features) == 1 else f"{len(node.features)} features",
        ]
        for node in explained.nodes.values()
        if not node.is_column
    ]
    heads = ["node", "kernel", "reads", "warm-up", "settle", "rows kept", "ns a bar", "needed by"]
    table("", heads, rows)
    print(
        f"{spec.name}: {spec.n_features} features of {len(rows)} nodes, warm-up {spec.warmup}, "
        f"settle {_settle(spec.settle, spec.reads_sessions)}; {_cost(explained.cost)} ns a bar in nodes, "
        f"{_cost(explained.rest)} to take the bars in and write the rows"
    )


def _drawn(explained: Explanation, root: FeatureCost) -> Tree:
    """A feature's nodes, the last step first; a node that is drawn already is only named."""
    from rich.tree import Tree

    feature = root.feature
    drawn = Tree(
        f"{feature.name}: {feature.op}, warm-up {feature.warmup}, "
        f"settle {_settle(feature.settle, explained.nodes[root.node].reads_sessions)}, "
        f"{_cost(root.cost)} ns a bar" + ("" if root.hidden else f", {_cost(root.own)} of its own"),
        highlight=False,
    )
    known: set[int] = set()

    def draw(branch: Tree, place: int, output: int) -> None:
        node = explained.nodes[place]
        if node.is_column:
            branch.add(node.kernel)
            return
        title = f"#{place}{_output(output)} {_formula(node)}{_named(node)}"
        if place in known:
            branch.add(f"{title}, as above")
            return
        known.add(place)
        others = len(node.features) - (not root.hidden)
        shared = f", shared with {others} other{'s' if others > 1 else ''}" if others else ""
        settle = _settle(node.settle, node.reads_sessions)
        facts = f"warm-up {node.warmup}, settle {settle}, {_cost(node.cost)} ns a bar"
        inner = branch.add(f"{title}: {facts}{shared}")
        for ref in node.inputs:
            draw(inner, *ref)

    draw(drawn, root.node, root.output)
    return drawn


def _formula(node: Node) -> str:
    return (
        f"{node.kernel}({', '.join(f'{value:g}' for value in node.params)})" if node.params else node.kernel
    )


def _named(node: Node) -> str:
    return f" = {', '.join(node.names)}" if node.names else ""


def _read(explained: Explanation, place: int, output: int) -> str:
    node = explained.nodes[place]
    return node.kernel if node.is_column else f"#{place}{_output(output)}"


def _output(output: int) -> str:
    return f".{output}" if output else ""


def _cost(cost: float | None) -> str:
    return "not measured" if cost is None else f"{cost:.1f}"


def _facts(spec: FeatureSpec) -> dict[str, Any]:
    return {
        "features": spec.n_features,
        "hash": spec.hash,
        "warmup": spec.warmup,
        "settle": spec.settle,
        "reads_sessions": spec.reads_sessions,
        "first_valid_row": spec.first_valid_row,
        "allow_early_emit": spec.allow_early_emit,
        "dtype": spec.dtype,
        "session_gap_ns": spec.session_gap,
    }


def _settle(bars: int | None, reads_sessions: bool) -> str:
    """After how many bars a cold start agrees, and from where they count."""
    if bars is None:
        return "never"
    return f"{bars} after a session start" if reads_sessions else str(bars)
