"""What C++'s session and strategy can do, Python's session and C can: every public method is looked for."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from sentio import Session, load_bundle
from sentio.prediction import Prediction

HEADERS = Path(__file__).resolve().parents[1] / "sentio_native/include/sentio"
C_HEADER = (HEADERS / "sentio.h").read_text()


def methods(header: str, name: str) -> set[str]:
    """The public methods of a class, constructors, destructor and operators left out."""
    text = re.sub(r"//.*", "", (HEADERS / header).read_text())
    (public,) = re.findall(rf"class SENTIO_API {name} \{{\s*public:(.*?)private:", text, re.DOTALL)
    bodiless = re.sub(r"\{[^{}]*\}", ";", public)
    return set(re.findall(r"\b([a-z_]+)\([^;]*;", bodiless))


def fields(header: str, name: str) -> set[str]:
    """The names of a public struct's fields."""
    text = re.sub(r"//.*", "", (HEADERS / header).read_text())
    (body,) = re.findall(rf"struct (?:SENTIO_API )?{name} \{{(.*?)\n\}};", text, re.DOTALL)
    members = [line.split("=")[0] for line in re.sub(r"\{[^{}]*\}", "", body).split(";")]
    return {
        re.findall(r"\w+", part)[-1]
        for line in members
        if line.strip() and "(" not in line
        for part in (line.split(",") if "<" not in line else [line])
    }


def c_fields(name: str) -> set[str]:
    (body,) = re.findall(rf"typedef struct {name} \{{(.*?)\}} {name};", C_HEADER, re.DOTALL)
    return set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)))


def c_functions() -> set[str]:
    return set(re.findall(r"\b(sentio_\w+)\(", C_HEADER))


def test_python_has_every_method_of_a_session():
    found = methods("session.hpp", "Session")
    assert {"on_bar", "observe", "swap", "recording_error", "bundle"} <= found
    named_otherwise = {"bundle": "live"}
    assert [name for name in sorted(found) if not hasattr(Session, named_otherwise.get(name, name))] == []


def test_python_has_every_field_of_a_prediction():
    assert fields("prediction.hpp", "Prediction") - set(dir(Prediction)) == set()


def keywords(function) -> set[str]:
    kinds = inspect.signature(function).parameters.values()
    return {each.name for each in kinds if each.kind is inspect.Parameter.KEYWORD_ONLY}


def test_every_way_of_loading_takes_what_loading_takes():
    assert keywords(load_bundle) == {"backend", "trust"}
    assert keywords(Session.load) == keywords(load_bundle) | keywords(Session.__init__)
    for header, call in (("session.hpp", "Session load"), ("strategy_tfa.hpp", "explicit TFAStrategy")):
        text = " ".join((HEADERS / header).read_text().split())
        assert re.search(rf"{call}\([^)]*, const LoadOptions& load = \{{\}}\);", text)


def test_c_has_every_method_of_a_session():
    told_by = {
        "load": "sentio_bundle_load_with",
        "drift": "sentio_session_get_drift",
        "failure": "sentio_last_error",
        "bars_seen": "sentio_session_get_info",
        "bars_missing": "sentio_session_get_info",
        "last_ts": "sentio_session_get_info",
    }
    names = {told_by.get(name, f"sentio_session_{name}") for name in methods("session.hpp", "Session")}
    assert names - c_functions() == set()


def test_c_has_every_method_of_the_strategy_and_of_a_batch():
    found = methods("strategy_tfa.hpp", "TFAStrategy")
    assert {"on_bar", "cooldown_left", "swap", "clone", "config"} <= found
    names = {f"sentio_tfa_{name}" for name in found - {"config"}}  # the caller's own options
    names |= {"sentio_session_swap_warmed", "sentio_tfa_swap_warmed"}  # the other swap of each
    names |= {f"sentio_batch_{name}" for name in methods("session_batch.hpp", "SessionBatch")}
    assert names - c_functions() == set()


def test_c_has_every_option_and_every_field_of_a_prediction_and_a_manifest():
    left_out = {"model_loader"}  # its reason stands at the top of sentio.h
    assert fields("bundle.hpp", "LoadOptions") - c_fields("sentio_load_options") == left_out
    assert fields("session.hpp", "SessionOptions") - c_fields("sentio_options") == set()
    left_out = {"model_id", "version", "root"}  # as there: a bundle is loaded by its folder
    assert fields("strategy_tfa.hpp", "TFACfg") - c_fields("sentio_tfa_options") == left_out
    asked_by_place = {"classes"}
    assert fields("prediction.hpp", "Prediction") - c_fields("sentio_outcome") == asked_by_place
    found = fields("bundle.hpp", "BundleManifest") - c_fields("sentio_bundle_info")
    assert found == {"window", "output", "classes", "drift", "backends"}  # each asked for by parts
