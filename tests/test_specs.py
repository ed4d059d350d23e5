"""Feature specs: found by name, compiled with every problem named, described by a schema."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from engine_runs import just_beyond
from pydantic import ValidationError

from sentio.errors import SpecError, UsageError
from sentio.extension import load_extension
from sentio.specs import FeatureSpec, SpecDocument, json_schema, list_specs
from sentio.workspace import Workspace, shipped_specs

SHIPPED = sorted((shipped_specs() / "features").glob("*.json"))
CATALOG = load_extension().catalog()
EMA = {"name": "ema_12", "op": "EMA", "source": "close", "window": 12}


def document(*features: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"schema_version": "1.0", "features": list(features or [EMA]), **rest}


def problems(document: dict[str, Any] | str) -> list[str]:
    """All that the compiler says against a document; empty where it compiles."""
    try:
        FeatureSpec.from_document(document)
    except SpecError as error:
        return list(error.problems) or [error.found]
    return []


# Loading


def test_a_projects_own_spec_comes_before_a_shipped_one(workspace: Workspace) -> None:
    own = workspace.specs / "features" / "tfa.json"
    own.parent.mkdir()
    own.write_text(json.dumps(document()))
    assert FeatureSpec.load("tfa", workspace.root).names == ("ema_12",)
    assert list_specs(workspace.root)["tfa"] == own
    assert list_specs(workspace.root)["classic"] == shipped_specs() / "features" / "classic.json"


def test_outside_of_any_project_the_shipped_specs_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SENTIO_ROOT", raising=False)
    assert FeatureSpec.load("tfa").name == "tfa"


def test_a_root_that_is_not_there_is_an_error_even_for_a_shipped_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        FeatureSpec.load("tfa", tmp_path / "missing")
    monkeypatch.setenv("SENTIO_ROOT", str(tmp_path / "missing"))
    with pytest.raises(UsageError, match="is not a folder"):
        FeatureSpec.load("tfa")


def test_an_unknown_name_is_refused_with_the_list_and_a_suggestion(workspace: Workspace) -> None:
    with pytest.raises(
        UsageError, match=r"'clasic' is not known; there are alpha158, classic, tfa"
    ) as raised:
        FeatureSpec.load("clasic", workspace.root)
    assert raised.value.hint == "did you mean classic?"


def test_a_path_names_the_file_and_the_spec(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document()))
    assert FeatureSpec.load(path).name == FeatureSpec.load(str(path)).name == "mine"


@pytest.mark.parametrize("name", ["missing.json", "folder/missing", "./tfa"])
def test_a_path_without_a_file_is_refused(name: str, workspace: Workspace) -> None:
    with pytest.raises(SpecError, match="is not a file"):
        FeatureSpec.load(name, workspace.root)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"{", "is not JSON"),
        (b"[]", "is not a JSON object"),
        pytest.param(b'{"dtype": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "is nested deeper", id="deep"),
        (b'{"schema_version": "1.0", "schema_version": "1.0"}', 'the key "schema_version" twice'),
        (b'{"schema_version": "1.0", "features": [{"op": "EMA", "op": "RSI"}]}', 'the key "op" twice'),
        (b'{"schema_version": "1.0", "features": [{"op": "EMA", "window": NaN}]}', "is not JSON"),
    ],
)
def test_a_file_that_is_no_document_is_refused(content: bytes, found: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=found) as raised:
        FeatureSpec.load(path)
    assert raised.value.where == str(path)


def test_a_document_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(SpecError, match="is not JSON"):
        FeatureSpec.from_document(document(alignment_policy={"pad_value": float("nan")}))


# Compiling


def test_all_problems_are_reported_together_with_their_paths() -> None:
    bad = document(
        {"name": "a", "op": "EMA", "windw": 3},
        {"name": "b", "op": "RSI", "window": 1},
        {"name": "c", "op": "EMAA"},
        {"name": "d", "op": "EMA", "source": "clos"},
        dtype="float16",
        extra=1,
        alignment_policy={"emit_from": 3},
    )
    found = dict(line.split(": ", 1) for line in problems(bad))
    assert set(found) == {
        "extra",
        "dtype",
        "features[0].windw",
        "features[1].window",
        "features[2].op",
        "features[3].source",
        "alignment_policy.emit_from",
    }
    assert found["features[1].window"] == "1 is outside [2, 100000]"
    assert "did you mean window?" in found["features[0].windw"]
    assert "did you mean EMA?" in found["features[2].op"]
    assert "did you mean close?" in found["features[3].source"]


@pytest.mark.parametrize("op", CATALOG, ids=lambda op: op["name"])
def test_bounds_are_refused_one_beyond_and_taken_at(op: dict[str, Any]) -> None:
    defaults = {
        param["name"]: param["default"] if param["default"] is not None else param["min"]
        for param in op["params"]
    }
    if "" in op["sources"]:
        defaults["source"] = [source or "close" for source in op["sources"]]
    for param in op["params"]:
        for at, beyond in zip((param["min"], param["max"]), just_beyond(param), strict=True):
            found = problems(document({"name": "x", "op": op["name"], **defaults, param["name"]: beyond}))
            assert any(line.startswith(f"features[0].{param['name']}: {beyond} is outside") for line in found)
            # At the bound the value itself is fine, though fast may then not be smaller than slow, and so on.
            found = problems(document({"name": "x", "op": op["name"], **defaults, param["name"]: at}))
            assert all(re.search("not smaller than slow|larger than max_window", line) for line in found)


def test_the_hash_is_that_of_the_canonical_text() -> None:
    spec = FeatureSpec.from_document(document())
    assert spec.hash == hashlib.sha256(spec.canonical_json.encode()).hexdigest()
    # RFC 8785 of plain ASCII keys and whole numbers is what Python writes with sorted keys and no blanks.
    again = json.dumps(json.loads(spec.canonical_json), sort_keys=True, separators=(",", ":"))
    assert again == spec.canonical_json
    assert json.loads(spec.canonical_json)["features"] == [
        {"name": "ema_12", "op": "EMA", "source": ["close"], "version": 1, "window": 12}
    ]


@pytest.mark.parametrize(
    "same",
    [
        document({"window": 12, "source": ["close"], "op": "EMA", "name": "ema_12"}),
        document(description="for people", content_hash="never believed"),
        document(alignment_policy={"emit_from_index": "auto", "pad_value": None}, dtype="float32"),
        document(alignment_policy={"emit_from_index": 11}, session_gap="240m"),
        document({**EMA, "window": 12.0, "hidden": False}),
    ],
)
def test_what_means_the_same_has_the_same_hash(same: dict[str, Any]) -> None:
    assert FeatureSpec.from_document(same).hash == FeatureSpec.from_document(document()).hash


@pytest.mark.parametrize(
    "other",
    [
        document({**EMA, "window": 13}),
        document({**EMA, "name": "other"}),
        document({**EMA, "source": "open"}),
        document(dtype="float64"),
        document(session_gap="3h"),
        document(alignment_policy={"pad_value": 0.0}),
        document(alignment_policy={"emit_from_index": 12}),
    ],
)
def test_what_means_something_else_has_another_hash(other: dict[str, Any]) -> None:
    assert FeatureSpec.from_document(other).hash != FeatureSpec.from_document(document()).hash


def test_a_spec_tells_what_its_plan_knows() -> None:
    spec = FeatureSpec.from_document(
        document(
            {"name": "base", "op": "EMA", "source": "close", "window": 5, "hidden": True},
            {"name": "strength", "op": "RSI", "source": "base", "window": 14},
            {"name": "close", "op": "IDENT"},
            alignment_policy={"emit_from_index": 30},
            session_gap="90m",
        ),
        name="mine",
    )
    assert (spec.name, spec.names, spec.n_features) == ("mine", ("strength", "close"), 2)
    # EMA is first valid at window - 1 (TA-Lib's lookback), RSI `window` rows after its source.
    assert spec.warmup == 4 + 14
    assert (spec.emit_from, spec.first_valid_row) == (30, 30)
    assert spec.dtype == "float32"
    assert spec.session_gap == 90 * 60 * 10**9
    assert not spec.allow_early_emit
    assert spec.settle is not None
    assert spec.settle >= spec.warmup
    first = spec.features[0]
    assert (first.name, first.op, first.source, first.params) == ("strength", "RSI", ["base"], {"window": 14})
    assert spec.document.features[0].hidden
    assert spec.document.features[0].params == {"window": 5}


def test_an_index_before_the_windows_are_full_needs_permission() -> None:
    early = document(alignment_policy={"emit_from_index": 3})
    (line,) = problems(early)
    assert line.startswith("alignment_policy.emit_from_index: 3 is too early: 'ema_12' is first valid at 11")
    SpecDocument.model_validate(early)  # a document always parses
    early["alignment_policy"]["allow_early_emit"] = True
    spec = FeatureSpec.from_document(early)
    assert spec.allow_early_emit
    assert (spec.emit_from, spec.first_valid_row) == (3, 11)


def test_a_spec_that_never_settles_says_so() -> None:
    assert FeatureSpec.from_document(document({"name": "flow", "op": "OBV"})).settle is None


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_spec_compiles_and_has_distinct_features(path: Path) -> None:
    spec = FeatureSpec.load(path)
    assert spec.n_features == len(set(spec.names)) > 0
    assert FeatureSpec.from_document(spec.json).hash == spec.hash
    assert FeatureSpec.from_document(json.loads(spec.json)).hash == spec.hash


BAD_SHAPES = [
    {},
    document(schema_version="2.0"),
    document(unknown=1),
    document(dtype="float16"),
    document(description=3),
    document(session_gap=4),
    document(features=[]),
    document(features="EMA"),
    document(features=[3]),
    document(features=[{"name": "x"}]),
    document({**EMA, "hidden": "yes"}),
    document({**EMA, "name": 3}),
    document({**EMA, "source": 3}),
    document({**EMA, "window": "12"}),
    document({**EMA, "window": [12]}),
    document(alignment_policy=3),
    document(alignment_policy={"unknown": 1}),
    document(alignment_policy={"emit_from_index": "early"}),
    document(alignment_policy={"emit_from_index": -1}),
    document(alignment_policy={"emit_from_index": 11.5}),
    document(alignment_policy={"pad_value": "0"}),
    document(alignment_policy={"allow_early_emit": 1}),
]


@pytest.mark.parametrize("bad", BAD_SHAPES, ids=json.dumps)
def test_model_and_compiler_refuse_the_same_shapes(bad: dict[str, Any]) -> None:
    assert problems(bad)
    with pytest.raises(ValidationError):
        SpecDocument.model_validate(bad)


# The schema


def accepts(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """JSON Schema 2020-12, the keywords that the schema of specs uses; another keyword is an error here."""
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}

    def is_type(name: str) -> bool:
        if name in types:
            return isinstance(value, types[name])
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and (name == "number" or float(value).is_integer())

    def check(keyword: str, rule: Any) -> bool:
        match keyword:
            case "$ref":
                return accepts(root["$defs"][rule.removeprefix("#/$defs/")], value, root)
            case "type":
                return is_type(rule)
            case "enum":
                return value in rule
            case "const":
                return value == rule
            case "anyOf":
                return any(accepts(inner, value, root) for inner in rule)
            case "allOf":
                return all(accepts(inner, value, root) for inner in rule)
            case "if":
                return not accepts(rule, value, root) or accepts(schema["then"], value, root)
            case "minimum":
                return not is_type("number") or value >= rule
            case "maximum":
                return not is_type("number") or value <= rule
            case "minItems":
                return not isinstance(value, list) or len(value) >= rule
            case "items":
                return not isinstance(value, list) or all(accepts(rule, item, root) for item in value)
            case "required":
                return not isinstance(value, dict) or value.keys() >= set(rule)
            case "properties":
                return not isinstance(value, dict) or all(
                    accepts(inner, value[key], root) for key, inner in rule.items() if key in value
                )
            case "additionalProperties":
                assert rule is False
                return not isinstance(value, dict) or value.keys() <= schema["properties"].keys()
            case "then" | "title" | "description" | "default" | "$defs" | "$schema":
                return True
        raise AssertionError(f"the schema uses {keyword}, which this checker does not know")

    return all(check(keyword, rule) for keyword, rule in schema.items())


def test_the_schema_takes_every_shipped_spec() -> None:
    schema = json_schema()
    for path in SHIPPED:
        assert accepts(schema, json.loads(path.read_text()), schema), path


@pytest.mark.parametrize("bad", BAD_SHAPES, ids=json.dumps)
def test_the_schema_refuses_bad_shapes(bad: dict[str, Any]) -> None:
    schema = json_schema()
    assert not accepts(schema, bad, schema)


def test_the_schema_knows_each_ops_keys_and_bounds() -> None:
    schema = json_schema()
    assert accepts(schema, document(), schema)
    assert not accepts(schema, document({**EMA, "windw": 3}), schema)
    assert not accepts(schema, document({**EMA, "op": "EMAA"}), schema)
    for op in CATALOG:
        given = {param["name"]: param["min"] for param in op["params"]}
        if "" in op["sources"]:
            assert not accepts(schema, document({"op": op["name"], **given}), schema)
            given["source"] = [source or "close" for source in op["sources"]]
        assert accepts(schema, document({"op": op["name"], **given}), schema)
        for param in op["params"]:
            for beyond in just_beyond(param):
                assert not accepts(
                    schema, document({"op": op["name"], **given, param["name"]: beyond}), schema
                )
        if not op["sources"]:
            assert not accepts(schema, document({"op": op["name"], **given, "source": "close"}), schema)
