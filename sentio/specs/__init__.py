"""Feature specs: the document's shape by pydantic, its meaning by the C++ compiler."""

from sentio.specs.document import AlignmentPolicy, FeatureEntry, SpecDocument
from sentio.specs.feature_spec import Feature, FeatureSpec
from sentio.specs.schema import json_schema
from sentio.specs.shelf import list_specs

__all__ = [
    "AlignmentPolicy",
    "Feature",
    "FeatureEntry",
    "FeatureSpec",
    "SpecDocument",
    "json_schema",
    "list_specs",
]
