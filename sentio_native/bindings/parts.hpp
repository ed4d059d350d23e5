// The parts of the module, each in the file of its name.
#pragma once

#include <pybind11/pybind11.h>

void bind_plan(pybind11::module_& module);
void bind_engine(pybind11::module_& module);
void bind_session(pybind11::module_& module);
void bind_build_features_from_spec(pybind11::module_& module);
