"""The bundle: its manifest and folder, what it must prove, loading it and predicting with it."""

from sentio.bundle.loading import Bundle, Predictions, load_bundle
from sentio.bundle.manifest import Manifest

__all__ = ["Bundle", "Manifest", "Predictions", "load_bundle"]
