// The Python module `sentio_features`: converts, releases the GIL and calls; nothing is computed or defaulted
// here.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <mutex>
#include <optional>
#include <string>

#include "sentio/bar.hpp"
#include "sentio/catalog.hpp"
#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "sentio/plan.hpp"
#include "sentio/snapshot.hpp"

namespace py = pybind11;

namespace {

using sentio::Error;
using sentio::ErrorCode;

// Exact dtype, contiguous: a silent copy or conversion would hide a caller's mistake.
template <class T>
std::span<const T> column(const py::array& array, const char* name) {
  if (!py::isinstance<py::array_t<T>>(array) || array.ndim() != 1 ||
      (array.flags() & py::array::c_style) == 0) {
    throw Error(ErrorCode::bad_argument, std::string(name) +
                                             " must be a contiguous one-dimensional array of " +
                                             (std::is_same_v<T, double> ? "float64" : "int64") + ", found " +
                                             py::str(array.dtype()).cast<std::string>() + " with " +
                                             std::to_string(array.ndim()) + " dimensions");
  }
  return {static_cast<const T*>(array.data()), static_cast<std::size_t>(array.shape(0))};
}

sentio::BarColumns columns(const py::array& ts, const py::array& open, const py::array& high,
                           const py::array& low, const py::array& close, const py::array& volume) {
  return {column<std::int64_t>(ts, "ts"), column<double>(open, "open"),   column<double>(high, "high"),
          column<double>(low, "low"),     column<double>(close, "close"), column<double>(volume, "volume")};
}

py::object number(double value) {
  if (value == static_cast<double>(static_cast<std::int64_t>(value))) {
    return py::int_(static_cast<std::int64_t>(value));
  }
  return py::float_(value);
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

// An engine that one thread at a time may use; the lock is taken after the GIL is released.
class PyEngine {
 public:
  explicit PyEngine(std::shared_ptr<const sentio::Plan> plan) : engine_(std::move(plan)) {}

  void compute(const py::array& ts, const py::array& open, const py::array& high, const py::array& low,
               const py::array& close, const py::array& volume, py::array& out) {
    const auto bars = columns(ts, open, high, low, close, volume);
    const auto width = static_cast<py::ssize_t>(engine_.plan().width());
    if (out.ndim() != 2 || out.shape(1) != width || (out.flags() & py::array::c_style) == 0 ||
        !out.writeable()) {
      throw Error(ErrorCode::bad_argument, "out must be a writable, C-contiguous array of shape [bars, " +
                                               std::to_string(width) + "]");
    }
    const auto size = static_cast<std::size_t>(out.size());
    if (py::isinstance<py::array_t<float>>(out)) {
      run(bars, std::span(static_cast<float*>(out.mutable_data()), size));
    } else if (py::isinstance<py::array_t<double>>(out)) {
      run(bars, std::span(static_cast<double*>(out.mutable_data()), size));
    } else {
      throw Error(ErrorCode::bad_argument, "out must be of the spec's dtype");
    }
  }

  py::array step(std::int64_t ts, double open, double high, double low, double close, double volume) {
    const sentio::Bar bar{ts, open, high, low, close, volume};
    return engine_.plan().dtype() == sentio::Dtype::float32 ? step_into<float>(bar) : step_into<double>(bar);
  }

  py::bytes state() {
    const std::lock_guard lock(mutex_);
    const auto bytes = engine_.state();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void restore(const py::bytes& bytes) {
    const std::lock_guard lock(mutex_);
    engine_.restore(std::as_bytes(std::span(std::string_view(bytes))));
  }

  void reset() {
    const std::lock_guard lock(mutex_);
    engine_.reset();
  }

  std::int64_t bars_seen() {
    const std::lock_guard lock(mutex_);
    return engine_.bars_seen();
  }

  std::optional<std::int64_t> last_ts() {
    const std::lock_guard lock(mutex_);
    return engine_.last_ts();
  }

 private:
  template <class Float>
  void run(const sentio::BarColumns& bars, std::span<Float> out) {
    const py::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    engine_.compute(bars, out);
  }

  template <class Float>
  py::array step_into(const sentio::Bar& bar) {
    py::array_t<Float> out(static_cast<py::ssize_t>(engine_.plan().width()));
    const std::span<Float> values(out.mutable_data(), static_cast<std::size_t>(out.size()));
    sentio::BarFault fault;
    {
      const py::gil_scoped_release release;
      const std::lock_guard lock(mutex_);
      fault = engine_.step(bar, values);
    }
    if (fault != sentio::BarFault::none)
      throw Error(ErrorCode::bad_bars, std::string(sentio::describe(fault)));
    return out;
  }

  std::mutex mutex_;
  sentio::Engine engine_;
};

// Time stamps as the predecessor's callers give them: seconds, milli-, micro- or nanoseconds, told by
// magnitude.
py::array_t<std::int64_t> to_nanoseconds(const py::array& ts) {
  const auto given = column<std::int64_t>(ts, "ts");
  std::int64_t factor = 1;
  // Within 1973 to 5138, seconds are below 1e11, milliseconds below 1e14, microseconds below 1e17.
  if (!given.empty()) {
    const std::int64_t last = given.back() < 0 ? -given.back() : given.back();
    factor = last < 100'000'000'000           ? 1'000'000'000
             : last < 100'000'000'000'000     ? 1'000'000
             : last < 100'000'000'000'000'000 ? 1'000
                                              : 1;
  }
  py::array_t<std::int64_t> nanoseconds(static_cast<py::ssize_t>(given.size()));
  std::int64_t* to = nanoseconds.mutable_data();
  for (const std::int64_t value : given) {
    if (__builtin_mul_overflow(value, factor, to++)) {
      throw Error(ErrorCode::bad_bars, "ts mixes units: " + std::to_string(value) + " is out of range");
    }
  }
  return nanoseconds;
}

py::array_t<float> build_features_from_spec(const std::string& /*symbol*/, const py::array& ts,
                                            const py::array& open, const py::array& high,
                                            const py::array& low, const py::array& close,
                                            const py::array& volume, const std::string& spec_json) {
  const auto plan = sentio::Plan::compile(spec_json);
  const py::array nanoseconds = to_nanoseconds(ts);
  const auto bars = columns(nanoseconds, open, high, low, close, volume);
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
  info["flags"] = "-ffp-contract=off -fno-fast-math -fno-math-errno -fno-trapping-math";
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
      .def_property_readonly("node_count", &sentio::Plan::node_count);

  py::class_<PyEngine>(module, "Engine")
      .def(py::init(
               [](const std::shared_ptr<sentio::Plan>& plan) { return std::make_unique<PyEngine>(plan); }),
           py::arg("plan"))
      .def("compute", &PyEngine::compute, py::arg("ts"), py::arg("open"), py::arg("high"), py::arg("low"),
           py::arg("close"), py::arg("volume"), py::arg("out"))
      .def("step", &PyEngine::step, py::arg("ts"), py::arg("open"), py::arg("high"), py::arg("low"),
           py::arg("close"), py::arg("volume"))
      .def("state", &PyEngine::state)
      .def("restore", &PyEngine::restore, py::arg("state"))
      .def("reset", &PyEngine::reset)
      .def_property_readonly("bars_seen", &PyEngine::bars_seen)
      .def_property_readonly("last_ts", &PyEngine::last_ts);

  module.def(
      "compile",
      [](const std::string& spec) {
        return std::const_pointer_cast<sentio::Plan>(sentio::Plan::compile(spec));
      },
      py::arg("spec_json"));
  module.def("catalog", [] {
    py::list ops;
    for (const sentio::OpInfo& op : sentio::catalog()) ops.append(describe_op(op));
    return ops;
  });
  module.def("build_info", &build_info);
  module.def("build_features_from_spec", &build_features_from_spec, py::arg("symbol"), py::arg("ts"),
             py::arg("open"), py::arg("high"), py::arg("low"), py::arg("close"), py::arg("volume"),
             py::arg("spec_json"));
}
