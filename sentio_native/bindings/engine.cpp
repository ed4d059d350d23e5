// Engine for Python: one symbol in batch and bar by bar, many symbols over threads, and what a plan costs.
#include "sentio/engine.hpp"

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "arrays.hpp"
#include "parts.hpp"
#include "sentio/bar.hpp"
#include "sentio/compute_many.hpp"
#include "sentio/error.hpp"
#include "sentio/plan.hpp"

namespace py = pybind11;

namespace {

using sentio::Error;
using sentio::ErrorCode;

// The caller's memory for [rows, width] values; that it fits the bars and the dtype is the engine's to check.
std::variant<std::span<float>, std::span<double>> matrix(py::array& out, std::size_t width) {
  if (out.ndim() != 2 || static_cast<std::size_t>(out.shape(1)) != width || !has_flags(out, kContiguous) ||
      !out.writeable()) {
    throw Error(
        ErrorCode::bad_argument,
        "out must be a writable, aligned, C-contiguous array of shape [bars, " + std::to_string(width) + "]");
  }
  const auto size = static_cast<std::size_t>(out.size());
  if (py::isinstance<py::array_t<float>>(out))
    return std::span(static_cast<float*>(out.mutable_data()), size);
  if (py::isinstance<py::array_t<double>>(out)) {
    return std::span(static_cast<double*>(out.mutable_data()), size);
  }
  throw Error(ErrorCode::bad_argument, "out must be of the spec's dtype");
}

// The caller's memory for one row; that its size fits the spec is the engine's to check.
template <class Float>
std::span<Float> row(py::array& out) {
  if (!py::isinstance<py::array_t<Float>>(out) || out.ndim() != 1 || !has_flags(out, kContiguous) ||
      !out.writeable()) {
    throw Error(ErrorCode::bad_argument,
                "out must be a writable, aligned, contiguous, one-dimensional array of the spec's dtype");
  }
  return {static_cast<Float*>(out.mutable_data()), static_cast<std::size_t>(out.size())};
}

// An engine that one thread at a time may use; the lock is taken after the GIL is released.
class PyEngine {
 public:
  explicit PyEngine(const std::shared_ptr<const sentio::Plan>& plan) : plan_(plan), engine_(plan) {}

  void compute(const py::array& ts, const py::array& open, const py::array& high, const py::array& low,
               const py::array& close, const py::array& volume, py::array& out) {
    const auto bars = columns(ts, open, high, low, close, volume);
    const auto values = matrix(out, plan_->width());
    std::visit([&](auto span) { alone([&] { engine_.compute(bars, span); }); }, values);
  }

  using Row = std::variant<std::span<float>, std::span<double>>;

  // The caller's memory for one row of the spec's dtype.
  Row row_of(py::array& out) const {
    if (plan_->dtype() == sentio::Dtype::float32) return row<float>(out);
    return row<double>(out);
  }

  // A bar takes less time than handing the GIL over and back, unless another thread has the engine.
  template <class Float>
  sentio::BarFault advance(const sentio::Bar& bar, std::span<Float> out) {
    if (const std::unique_lock lock(mutex_, std::try_to_lock); lock) return engine_.step(bar, out);
    return alone([&] { return engine_.step(bar, out); });
  }

  [[nodiscard]] std::size_t width() const noexcept { return plan_->width(); }

  py::bytes state() {
    const auto bytes = alone([&] { return engine_.state(); });
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void restore(const py::bytes& state) {
    const auto bytes = std::as_bytes(std::span(std::string_view(state)));
    alone([&] { engine_.restore(bytes); });
  }

  void reset() {
    alone([&] { engine_.reset(); });
  }

  std::int64_t bars_seen() {
    return alone([&] { return engine_.bars_seen(); });
  }

  std::optional<std::int64_t> last_ts() {
    return alone([&] { return engine_.last_ts(); });
  }

 private:
  // Waiting for another thread's long computation must not hold up the interpreter.
  template <class Call>
  std::invoke_result_t<Call> alone(Call call) {
    const py::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    return call();
  }

  const std::shared_ptr<const sentio::Plan> plan_;  // asked without the lock, which `engine_` needs
  std::mutex mutex_;
  sentio::Engine engine_;
};

// The nodes' nanoseconds a bar, NaN for those that were never warm, then those of all else.
std::pair<std::vector<double>, double> measure(const std::shared_ptr<sentio::Plan>& plan, const py::array& ts,
                                               const py::array& open, const py::array& high,
                                               const py::array& low, const py::array& close,
                                               const py::array& volume) {
  const auto bars = columns(ts, open, high, low, close, volume);
  const py::gil_scoped_release release;
  sentio::Cost cost = sentio::Engine::measure(plan, bars);
  return {std::move(cost.nodes), cost.rest};
}

py::array_t<double> error_scales(const std::shared_ptr<sentio::Plan>& plan, const py::array& ts,
                                 const py::array& open, const py::array& high, const py::array& low,
                                 const py::array& close, const py::array& volume) {
  const auto bars = columns(ts, open, high, low, close, volume);
  std::vector<double> scales;
  {
    const py::gil_scoped_release release;
    scales = sentio::error_scales(*plan, bars);
  }
  py::array_t<double> result({bars.size(), plan->width()});
  std::copy(scales.begin(), scales.end(), result.mutable_data());
  return result;
}

// One engine's step into one row, as a function of Python's own: pybind11's conversions would take longer
// than the bar. `refused` makes the exception of a bar that breaks its contract.
class Stepper {
 public:
  using Refused = py::typing::Callable<py::object(py::int_, py::str)>;
  using Step =
      py::typing::Callable<py::array(py::int_, py::float_, py::float_, py::float_, py::float_, py::float_)>;

  static Step bind(const py::object& engine, py::array out, const Refused& refused) {
    auto stepper = std::unique_ptr<Stepper>(new Stepper(engine, std::move(out), refused));
    const py::capsule self(stepper.get(), [](void* owned) { delete static_cast<Stepper*>(owned); });
    stepper.release();
    PyObject* function = PyCFunction_NewEx(&method, self.ptr(), nullptr);
    if (function == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<Step>(function);
  }

 private:
  Stepper(const py::object& engine, py::array out, const Refused& refused)
      : engine_(engine.cast<PyEngine&>()),
        row_(engine_.row_of(out)),
        engine_object_(engine),
        out_(std::move(out)),
        refused_(refused) {
    const auto width = static_cast<py::ssize_t>(engine_.width());
    if (out_.size() != width) {
      throw Error(ErrorCode::bad_argument, "out has " + std::to_string(out_.size()) +
                                               " values, the spec has " + std::to_string(width) +
                                               " features");
    }
  }

  static PyObject* call(PyObject* self, PyObject* const* words, Py_ssize_t count) noexcept {
    if (count != 6) {
      return PyErr_Format(PyExc_TypeError, "a bar is ts, open, high, low, close and volume, found %zd words",
                          count);
    }
    const std::int64_t ts = PyLong_AsLongLong(words[0]);
    if (ts == -1 && PyErr_Occurred() != nullptr) return nullptr;
    std::array<double, 5> values;
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k] = PyFloat_AsDouble(words[k + 1]);
      if (values[k] == -1.0 && PyErr_Occurred() != nullptr) return nullptr;
    }
    const auto [open, high, low, close, volume] = values;
    return static_cast<Stepper*>(PyCapsule_GetPointer(self, nullptr))
        ->step({ts, open, high, low, close, volume}, words[0]);
  }

  PyObject* step(const sentio::Bar& bar, PyObject* ts) noexcept {
    const sentio::BarFault fault = std::visit([&](auto to) { return engine_.advance(bar, to); }, row_);
    if (fault == sentio::BarFault::none) return out_.inc_ref().ptr();
    const std::string_view why = sentio::describe(fault);
    PyObject* text = PyUnicode_FromStringAndSize(why.data(), static_cast<Py_ssize_t>(why.size()));
    if (text == nullptr) return nullptr;
    PyObject* error = PyObject_CallFunctionObjArgs(refused_.ptr(), ts, text, nullptr);
    Py_DECREF(text);
    if (error == nullptr) return nullptr;
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error)), error);
    Py_DECREF(error);
    return nullptr;
  }

  static inline PyMethodDef method{
      "step", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&call)), METH_FASTCALL,
      "step(ts, open, high, low, close, volume): goes on with one bar, returns the row"};

  PyEngine& engine_;
  const PyEngine::Row row_;
  const py::object engine_object_;  // held, as are the two that follow
  py::array out_;
  const Refused refused_;
};

// A run is (symbol, ts, open, high, low, close, volume, out); `finished` is told the index of each that has
// ended.
void compute_many(const std::shared_ptr<sentio::Plan>& plan,
                  std::vector<std::tuple<std::string, py::array, py::array, py::array, py::array, py::array,
                                         py::array, py::array>>
                      runs,
                  std::size_t threads, const std::function<void(std::size_t)>& finished) {
  std::vector<sentio::SymbolRun> work;
  for (auto& [symbol, ts, open, high, low, close, volume, out] : runs) {
    work.push_back({symbol, columns(ts, open, high, low, close, volume), matrix(out, plan->width())});
  }
  const py::gil_scoped_release release;
  sentio::compute_many(plan, work, threads, [&](std::size_t index) {
    const py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    finished(index);
  });
}

}  // namespace

void bind_engine(py::module_& module) {
  py::class_<PyEngine>(module, "Engine")
      .def(py::init(
               [](const std::shared_ptr<sentio::Plan>& plan) { return std::make_unique<PyEngine>(plan); }),
           py::arg("plan"))
      .def("compute", &PyEngine::compute, py::arg("ts"), py::arg("open"), py::arg("high"), py::arg("low"),
           py::arg("close"), py::arg("volume"), py::arg("out"))
      .def("stepper", &Stepper::bind, py::arg("out"), py::arg("refused"))
      .def("state", &PyEngine::state)
      .def("restore", &PyEngine::restore, py::arg("state"))
      .def("reset", &PyEngine::reset)
      .def_property_readonly("bars_seen", &PyEngine::bars_seen)
      .def_property_readonly("last_ts", &PyEngine::last_ts);

  module.def("compute_many", &compute_many, py::arg("plan"), py::arg("runs"), py::arg("threads"),
             py::arg("finished"));
  module.def("measure", &measure, py::arg("plan"), py::arg("ts"), py::arg("open"), py::arg("high"),
             py::arg("low"), py::arg("close"), py::arg("volume"));
  module.def("error_scales", &error_scales, py::arg("plan"), py::arg("ts"), py::arg("open"), py::arg("high"),
             py::arg("low"), py::arg("close"), py::arg("volume"));
}
