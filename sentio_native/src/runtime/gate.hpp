// The manifest's gate: what a model measured beside the baselines, and whether it beats them.
#pragma once

#include "runtime/json_fields.hpp"

namespace sentio {

// Reads `metrics` and `gate`. A gate that the metrics do not give is a problem, as it is in Python.
void read_gate(JsonFields& manifest);

}  // namespace sentio
