// The Python module `sentio_features`: converts, releases the GIL and calls; nothing is computed or defaulted
// here.
#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "arrays.hpp"
#include "runtime/x86_64_v3.hpp"
#include "sentio/bar.hpp"
#include "sentio/catalog.hpp"
#include "sentio/compute_many.hpp"
#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "sentio/plan.hpp"
#include "sentio/snapshot.hpp"
#include "session.hpp"

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

py::object number(double value) {
  if (value == static_cast<double>(static_cast<std::int64_t>(value))) {
    return py::int_(static_cast<std::int64_t>(value));
  }
  return py::float_(value);
}

py::list describe_choices(const std::vector<sentio::Choice>& choices) {
  py::list entries;
  for (const sentio::Choice& choice : choices) {
    py::dict entry;
    entry["value"] = number(choice.value);
    entry["name"] = std::string(choice.name);
    entry["warmup"] = std::string(choice.warmup);
    entry["refused"] = std::string(choice.refused);
    entries.append(entry);
  }
  return entries;
}

py::dict describe_op(const sentio::OpInfo& op) {
  py::list params;
  for (const sentio::ParamInfo& param : op.params) {
    py::dict entry;
    entry["name"] = std::string(param.name);
    entry["type"] = param.type == sentio::ParamType::integer ? "integer" : "number";
    entry["min"] = number(param.min);
    entry["max"] = number(param.max);
    entry["default"] = param.default_value ? number(*param.default_value) : py::none();
    entry["summary"] = std::string(param.summary);
    entry["choices"] = describe_choices(param.choices);
    params.append(entry);
  }
  const auto texts = [](const std::vector<std::string_view>& views) {
    return std::vector<std::string>(views.begin(), views.end());
  };
  py::dict entry;
  entry["name"] = std::string(op.name);
  entry["version"] = op.version;
  entry["summary"] = std::string(op.summary);
  entry["definition"] = std::string(op.definition);
  entry["sources"] = texts(op.sources);
  entry["columns"] = texts(op.columns);
  entry["params"] = params;
  entry["warmup"] = std::string(op.warmup);
  entry["memory"] = std::string(sentio::describe(op.memory));
  entry["neutral"] = std::string(op.neutral);
  entry["scale"] = std::string(op.scale);
  entry["unit"] = std::string(op.unit);
  entry["homogeneous"] = op.homogeneous;
  entry["talib"] = std::string(op.talib);
  return entry;
}

py::dict describe_feature(const sentio::FeatureInfo& feature) {
  py::dict params;
  for (const auto& [name, value] : feature.params) params[py::str(name)] = number(value);
  py::dict entry;
  entry["name"] = feature.name;
  entry["op"] = feature.op;
  entry["op_version"] = feature.op_version;
  entry["source"] = feature.sources;
  entry["params"] = params;
  entry["warmup"] = feature.warmup;
  entry["settle"] = feature.settle;
  return entry;
}

py::dict describe_node(const sentio::NodeInfo& node) {
  py::list params, inputs;
  for (const double value : node.params) params.append(number(value));
  for (const sentio::NodeRef& input : node.inputs) inputs.append(py::make_tuple(input.node, input.output));
  py::dict entry;
  entry["kernel"] = node.kernel;
  entry["is_column"] = node.is_column;
  entry["params"] = params;
  entry["inputs"] = inputs;
  entry["outputs"] = node.outputs;
  entry["names"] = node.names;
  entry["start"] = node.start;
  entry["valid"] = node.valid;
  entry["settle"] = node.settle;
  entry["history"] = node.history;
  return entry;
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

  py::array step(std::int64_t ts, double open, double high, double low, double close, double volume) {
    const auto width = static_cast<py::ssize_t>(plan_->width());
    py::array out = plan_->dtype() == sentio::Dtype::float32 ? py::array(py::array_t<float>(width))
                                                             : py::array(py::array_t<double>(width));
    step_into(ts, open, high, low, close, volume, out);
    return out;
  }

  void step_into(std::int64_t ts, double open, double high, double low, double close, double volume,
                 py::array& out) {
    const sentio::Bar bar{ts, open, high, low, close, volume};
    const Row to = row_of(out);
    const sentio::BarFault fault = std::visit([&](auto values) { return advance(bar, values); }, to);
    if (fault != sentio::BarFault::none)
      throw Error(ErrorCode::bad_bars, std::string(sentio::describe(fault)));
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

py::dict build_info() {
  py::dict info;
  info["version"] = SENTIO_VERSION;
  info["compiler"] = SENTIO_COMPILER;
  info["build_type"] = SENTIO_BUILD_TYPE;
  info["flags"] = SENTIO_FLAGS;
  info["instruction_set"] = std::string(sentio::instruction_set());
  info["ops"] = sentio::catalog().size();
  info["snapshot_version"] = sentio::kSnapshotVersion;
  return info;
}

}  // namespace

PYBIND11_MODULE(sentio_features, module) {
  module.doc() = "The C++ feature engine of Sentio.";

  // `EngineError.args` is (message, code, [(path, message), ...]).
  static py::exception<Error> engine_error(module, "EngineError", PyExc_ValueError);
  engine_error.attr("__str__") = py::cpp_function(
      [](const py::object& self) {
        const py::tuple args = self.attr("args");
        std::string text = py::str(args[0]);
        for (const py::handle problem : args[2]) {
          const auto [path, message] = problem.cast<std::pair<std::string, std::string>>();
          text += "\n  " + path + ": " + message;
        }
        return text;
      },
      py::is_method(engine_error), py::name("__str__"));
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      py::list problems;
      for (const sentio::Problem& problem : error.problems()) {
        problems.append(py::make_tuple(problem.path, problem.message));
      }
      const std::string text = error.what();
      const py::tuple args = py::make_tuple(text.substr(0, text.find('\n')),
                                            std::string(sentio::describe(error.code())), problems);
      PyErr_SetObject(engine_error.ptr(), args.ptr());
    } catch (const std::system_error& error) {
      const py::tuple args = py::make_tuple(error.code().value(), error.code().message());
      PyErr_SetObject(PyExc_OSError, args.ptr());
    }
  });

  py::class_<sentio::Plan, std::shared_ptr<sentio::Plan>>(module, "Plan")
      .def_property_readonly("features",
                             [](const sentio::Plan& plan) {
                               py::list features;
                               for (const auto& feature : plan.features())
                                 features.append(describe_feature(feature));
                               return features;
                             })
      .def_property_readonly("warmup", &sentio::Plan::warmup)
      .def_property_readonly("settle", &sentio::Plan::settle)
      .def_property_readonly("reads_sessions", &sentio::Plan::reads_sessions)
      .def_property_readonly("emit_from", &sentio::Plan::emit_from)
      .def_property_readonly("first_valid_row", &sentio::Plan::first_valid_row)
      .def_property_readonly("pad_value", &sentio::Plan::pad_value)
      .def_property_readonly("dtype",
                             [](const sentio::Plan& plan) {
                               return plan.dtype() == sentio::Dtype::float32 ? "float32" : "float64";
                             })
      .def_property_readonly("session_gap", &sentio::Plan::session_gap)
      .def_property_readonly("allow_early_emit", &sentio::Plan::allow_early_emit)
      .def_property_readonly("canonical_json", &sentio::Plan::canonical_json)
      .def_property_readonly("hash", &sentio::Plan::hash_hex)
      .def_property_readonly("node_count", &sentio::Plan::node_count)
      .def_property_readonly("nodes",
                             [](const sentio::Plan& plan) {
                               py::list nodes;
                               for (const auto& node : plan.nodes()) nodes.append(describe_node(node));
                               return nodes;
                             })
      .def_property_readonly("emitted", [](const sentio::Plan& plan) {
        std::vector<std::pair<int, int>> columns;
        for (const auto& ref : plan.emitted()) columns.emplace_back(ref.node, ref.output);
        return columns;
      });

  py::class_<PyEngine>(module, "Engine")
      .def(py::init(
               [](const std::shared_ptr<sentio::Plan>& plan) { return std::make_unique<PyEngine>(plan); }),
           py::arg("plan"))
      .def("compute", &PyEngine::compute, py::arg("ts"), py::arg("open"), py::arg("high"), py::arg("low"),
           py::arg("close"), py::arg("volume"), py::arg("out"))
      .def("step", &PyEngine::step, py::arg("ts"), py::arg("open"), py::arg("high"), py::arg("low"),
           py::arg("close"), py::arg("volume"))
      .def("step_into", &PyEngine::step_into, py::arg("ts"), py::arg("open"), py::arg("high"), py::arg("low"),
           py::arg("close"), py::arg("volume"), py::arg("out"))
      .def("stepper", &Stepper::bind, py::arg("out"), py::arg("refused"))
      .def("state", &PyEngine::state)
      .def("restore", &PyEngine::restore, py::arg("state"))
      .def("reset", &PyEngine::reset)
      .def_property_readonly("bars_seen", &PyEngine::bars_seen)
      .def_property_readonly("last_ts", &PyEngine::last_ts);

  bind_session(module);

  module.def(
      "compile",
      [](const std::string& spec) {
        return std::const_pointer_cast<sentio::Plan>(sentio::Plan::compile(spec));
      },
      py::arg("spec_json"));
  module.def("compute_many", &compute_many, py::arg("plan"), py::arg("runs"), py::arg("threads"),
             py::arg("finished"));
  module.def("measure", &measure, py::arg("plan"), py::arg("ts"), py::arg("open"), py::arg("high"),
             py::arg("low"), py::arg("close"), py::arg("volume"));
  module.def("error_scales", &error_scales, py::arg("plan"), py::arg("ts"), py::arg("open"), py::arg("high"),
             py::arg("low"), py::arg("close"), py::arg("volume"));
  module.def("catalog", [] {
    py::list ops;
    for (const sentio::OpInfo& op : sentio::catalog()) ops.append(describe_op(op));
    return ops;
  });
  module.def("build_info", &build_info);
  module.def("lacking_of_x86_64_v3", [] { return sentio::lacking_of_x86_64_v3(sentio::processor_flags()); });
  module.def("build_features_from_spec", &build_features_from_spec, py::arg("symbol"), py::arg("ts"),
             py::arg("open"), py::arg("high"), py::arg("low"), py::arg("close"), py::arg("volume"),
             py::arg("spec_json"));
}
