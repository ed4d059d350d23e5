"""The cache: features by bars and spec, content-addressed and immutable (docs/reference/cache.md)."""

from sentio.cache.build import CacheBuild, build_cache
from sentio.cache.entry import CacheEntry, Listing, entry_paths, list_entries, open_cache, open_entry
from sentio.cache.manifest import FORMAT_VERSION, CacheManifest, cache_key
from sentio.cache.many import build_many
from sentio.cache.verify import verify_entry

__all__ = [
    "FORMAT_VERSION",
    "CacheBuild",
    "CacheEntry",
    "CacheManifest",
    "Listing",
    "build_cache",
    "build_many",
    "cache_key",
    "entry_paths",
    "list_entries",
    "open_cache",
    "open_entry",
    "verify_entry",
]
