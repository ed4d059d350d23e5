"""`sentio specs`: list, show and validate feature specs, print their schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from sentio.cli.screen import JsonOption, RootOption, print_json, table

if TYPE_CHECKING:
    from sentio.specs import FeatureSpec

__all__ = ["app"]

app = typer.Typer(help="Feature specs: list, show, validate, print the schema.", no_args_is_help=True)


@app.command("list")
def list_(as_json: bool = JsonOption, root: str | None = RootOption) -> None:
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
    name: str = typer.Argument(help="A spec's name, or the path of its .json file."),
    as_json: bool = JsonOption,
    root: str | None = RootOption,
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
    facts = [[fact.replace("_", " "), _text(value)] for fact, value in _facts(spec).items()]
    table(f"{spec.name}: {spec.document.description or 'no description'}", ["fact", "value"], facts)
    rows = [
        [
            feature.name,
            feature.op,
            ", ".join(feature.source),
            ", ".join(f"{name} {value}" for name, value in feature.params.items()),
            str(feature.warmup),
            _text(feature.settle),
        ]
        for feature in spec.features
    ]
    table("", ["feature", "op", "source", "parameters", "warm-up", "settle"], rows)


@app.command()
def validate(
    file: str = typer.Argument(help="The path of a .json file, or a spec's name."),
    as_json: bool = JsonOption,
    root: str | None = RootOption,
) -> None:
    """Compile a spec and report all that is wrong with it.

    Example: sentio specs validate specs/features/tfa.json
    """
    from sentio.specs import FeatureSpec

    spec = FeatureSpec.load(file, root)
    if as_json:
        print_json({"name": spec.name, **_facts(spec)})
    else:
        print(f"{file}: good, {spec.n_features} features, the first valid row is {spec.first_valid_row}")


@app.command()
def schema() -> None:
    """Print the JSON schema of a feature spec, for editors.

    Example: sentio specs schema > feature_spec.schema.json
    """
    from sentio.specs import json_schema

    print_json(json_schema())


def _facts(spec: FeatureSpec) -> dict[str, Any]:
    return {
        "features": spec.n_features,
        "hash": spec.hash,
        "warmup": spec.warmup,
        "settle": spec.settle,
        "first_valid_row": spec.first_valid_row,
        "allow_early_emit": spec.allow_early_emit,
        "dtype": spec.dtype,
        "session_gap_ns": spec.session_gap,
    }


def _text(value: object) -> str:
    """A fact as a table shows it; a `settle` of None means never."""
    return "never" if value is None else str(value)
