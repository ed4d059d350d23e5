// build_features_from_spec: the predecessor's one function, for its callers.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include "arrays.hpp"
#include "parts.hpp"
#include "sentio/bar.hpp"
#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "sentio/plan.hpp"

namespace py = pybind11;

namespace {

using sentio::Error;
using sentio::ErrorCode;

// What the predecessor's callers pass: a list, a series or an array, of whole numbers where these are meant.
template <class T>
py::array given_column(const py::object& values, const char* name) {
  const py::array array = py::array::ensure(values);
  const char kind = array ? array.dtype().kind() : '?';
  const bool whole = kind == 'i' || kind == 'u';
  if (!whole && !(std::is_same_v<T, double> && kind == 'f')) {
    PyErr_Clear();
    throw Error(ErrorCode::bad_argument,
                std::string(name) + " must be " + (std::is_same_v<T, double> ? "numbers" : "whole numbers") +
                    ", found " + py::type::of(values).attr("__name__").cast<std::string>() +
                    (array ? " of " + py::str(array.dtype()).cast<std::string>() : ""));
  }
  return py::array_t<T, py::array::c_style | py::array::forcecast>(array);
}

// Time stamps as the predecessor's callers give them, in a unit that the last one's magnitude tells.
py::array_t<std::int64_t> to_nanoseconds(const py::array& ts) {
  const auto given = column<std::int64_t>(ts, "ts");
  py::array_t<std::int64_t> nanoseconds(static_cast<py::ssize_t>(given.size()));
  if (!given.empty()) {
    const std::int64_t unit = sentio::epoch_unit(given.back());
    std::int64_t* to = nanoseconds.mutable_data();
    for (const std::int64_t value : given) {
      if (__builtin_mul_overflow(value, unit, to++)) {
        throw Error(ErrorCode::bad_bars, "ts mixes units: " + std::to_string(value) + " is out of range");
      }
    }
  }
  return nanoseconds;
}

py::array_t<float> build_features_from_spec(const std::string& /*symbol*/, const py::object& ts,
                                            const py::object& open, const py::object& high,
                                            const py::object& low, const py::object& close,
                                            const py::object& volume, const std::string& spec_json) {
  const auto plan = sentio::Plan::compile(spec_json);
  const py::array times = to_nanoseconds(given_column<std::int64_t>(ts, "ts"));
  const py::array o = given_column<double>(open, "open"), h = given_column<double>(high, "high");
  const py::array l = given_column<double>(low, "low"), c = given_column<double>(close, "close");
  const py::array v = given_column<double>(volume, "volume");
  const auto bars = columns(times, o, h, l, c, v);
  py::array_t<float> out({static_cast<py::ssize_t>(bars.size()), static_cast<py::ssize_t>(plan->width())});
  const std::span<float> values(out.mutable_data(), static_cast<std::size_t>(out.size()));
  {
    const py::gil_scoped_release release;
    sentio::Engine(plan).compute(bars, values);
  }
  return out;
}

}  // namespace

void bind_build_features_from_spec(py::module_& module) {
  module.def("build_features_from_spec", &build_features_from_spec, py::arg("symbol"), py::arg("ts"),
             py::arg("open"), py::arg("high"), py::arg("low"), py::arg("close"), py::arg("volume"),
             py::arg("spec_json"));
}
