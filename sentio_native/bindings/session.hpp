// The part of the module that binds sessions.
#pragma once

#include <pybind11/pybind11.h>

void bind_session(pybind11::module_& module);
