"""What the feature engine costs, beside its peers in the same run: `make bench`."""

import os

# One thread for everybody; read when the libraries are imported. Waiting threads must not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
for _library in ("OMP", "OPENBLAS", "RAYON"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")
