// Session for Python: the C++ object itself, whose model is what the bundle names, or an object of Python's.
#include "sentio/session.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "parts.hpp"
#include "sentio/bundle.hpp"
#include "sentio/error.hpp"
#include "sentio/session_batch.hpp"

namespace py = pybind11;

namespace {

using sentio::Error;
using sentio::ErrorCode;

// What has ended a model of Python's and is no failure of the model: Ctrl-C, or an exit. The library is told
// of a failure and takes its bar; the call that is under way in this thread raises it afterwards.
thread_local std::exception_ptr interruption;

void raise_interruption() {
  if (interruption) std::rethrow_exception(std::exchange(interruption, nullptr));
}

// A model whose `run`, `probe` and `environment` are methods of an object.
class PyModel final : public sentio::Model {
 public:
  PyModel(py::object runner, const sentio::ModelShape& shape) : runner_(std::move(runner)), shape_(shape) {}
  ~PyModel() override {
    const py::gil_scoped_acquire acquire;
    runner_ = py::object();
  }

  void run(std::span<const float> windows, std::span<float> outputs) const override {
    const py::gil_scoped_acquire acquire;
    try {
      const py::array_t<float> input({static_cast<py::ssize_t>(outputs.size() / shape_.n_outputs),
                                      static_cast<py::ssize_t>(shape_.window.seq_len),
                                      static_cast<py::ssize_t>(shape_.window.n_features)},
                                     windows.data());
      const py::array given = runner_.attr("run")(input);
      const auto values = column<float>(given, "the model's output");
      if (values.size() != outputs.size())
        throw Error(ErrorCode::bad_bundle, "the model's output is not float32 [B * C]");
      std::copy(values.begin(), values.end(), outputs.begin());
    } catch (const py::error_already_set& error) {
      if (!error.matches(PyExc_Exception)) {
        interruption = std::current_exception();
        throw Error(ErrorCode::bad_bundle, "the model was interrupted");
      }
      if (error.matches(PyExc_MemoryError)) throw std::bad_alloc();
      throw Error(ErrorCode::bad_bundle, std::string("the model failed: ") + error.what());
    }
  }

  std::vector<Probe> probe() const override {
    const py::gil_scoped_acquire acquire;
    std::vector<Probe> probes;
    for (const auto& [what, refused] :
         runner_.attr("probe")().cast<std::vector<std::pair<std::string, bool>>>())
      probes.push_back({what, refused});
    return probes;
  }

  sentio::ModelEnvironment environment() const override {
    const py::gil_scoped_acquire acquire;
    const auto [library, capability] =
        runner_.attr("environment")().cast<std::pair<std::string, std::string>>();
    return {library, capability};
  }

 private:
  py::object runner_;
  sentio::ModelShape shape_;
};

// A path comes as bytes, as os.fsencode has it: a file's name need not be UTF-8.
std::shared_ptr<sentio::Bundle> load_bundle(const py::bytes& folder, const std::string& backend,
                                            const py::object& runner) {
  sentio::LoadOptions options{.backend = backend};
  if (!runner.is_none()) {
    options.model_loader = [&runner](std::span<const std::byte>, const sentio::ModelShape& shape) {
      const py::gil_scoped_acquire acquire;
      return std::make_unique<const PyModel>(runner, shape);
    };
  }
  const std::filesystem::path path(std::string{folder});
  try {
    const py::gil_scoped_release release;
    return std::const_pointer_cast<sentio::Bundle>(sentio::Bundle::load(path, options));
  } catch (const Error&) {
    raise_interruption();
    throw;
  }
}

// The object of Python's that a bundle belongs to, to be passed on without the GIL.
using Live = std::shared_ptr<const py::object>;

Live live_of(py::object object) {
  return {new py::object(std::move(object)), [](const py::object* held) {
            const py::gil_scoped_acquire acquire;
            delete held;
          }};
}

// As sentio.session.Status has them.
std::string name_of(sentio::Status status) {
  switch (status) {
    case sentio::Status::predicted:
      return "predicted";
    case sentio::Status::warming_up:
      return "warming_up";
    case sentio::Status::model_failed:
      return "model_failed";
    case sentio::Status::not_later:
      return "not_later";
    case sentio::Status::too_early:
      return "too_early";
    case sentio::Status::not_a_number:
      return "not_a_number";
    case sentio::Status::price_range:
      return "price_range";
    case sentio::Status::high_low:
      return "high_low";
    case sentio::Status::volume_range:
      return "volume_range";
  }
  return "unknown";
}

// (status, raw outputs, whose): there are no outputs where there is no prediction.
using Said = std::tuple<std::string, std::vector<double>, py::object>;

Said said(const sentio::Outcome& outcome, const Live& live) {
  const auto values = outcome.prediction ? outcome.prediction->values.span() : std::span<const double>();
  return {name_of(outcome.status), {values.begin(), values.end()}, *live};
}

std::span<const std::byte> bytes_of(const py::bytes& bytes) {
  return std::as_bytes(std::span(std::string_view(bytes)));
}

// A session that one thread at a time may use. The lock is taken without the GIL: the model asks for that.
// Whose bundle it is changes under that lock, too, and is told with what depends on it.
class PySession {
 public:
  PySession(py::object live, const std::shared_ptr<sentio::Bundle>& bundle, std::int64_t interval_ns,
            const py::bytes& record)
      : session_(bundle, {.interval_ns = interval_ns, .record = std::string(record)}),
        live_(live_of(std::move(live))) {}
  PySession(sentio::Session session, Live live) : session_(std::move(session)), live_(std::move(live)) {}

  Said on_bar(std::int64_t ts, double open, double high, double low, double close, double volume) {
    return ask([&] { return session_.on_bar({ts, open, high, low, close, volume}); });
  }
  Said peek(std::int64_t ts, double open, double high, double low, double close, double volume) {
    return ask([&] { return session_.peek({ts, open, high, low, close, volume}); });
  }
  std::string observe(std::int64_t ts, double open, double high, double low, double close, double volume) {
    return alone([&] { return name_of(session_.observe({ts, open, high, low, close, volume})); });
  }
  void warm_up(const py::array& ts, const py::array& open, const py::array& high, const py::array& low,
               const py::array& close, const py::array& volume) {
    const auto bars = columns(ts, open, high, low, close, volume);
    alone([&] { session_.warm_up(bars); });
  }
  py::bytes state() {
    const auto bytes = alone([&] { return session_.state(); });
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  void restore(const py::bytes& state) {
    const auto bytes = bytes_of(state);
    alone([&] { session_.restore(bytes); });
  }
  std::unique_ptr<PySession> clone() {
    return alone([&] { return std::make_unique<PySession>(session_.clone(), live_); });
  }
  py::object live() {
    return *alone([&] { return live_; });
  }
  // Both return whose bundle it was before.
  py::object swap(py::object live, const std::shared_ptr<sentio::Bundle>& bundle) {
    Live other = live_of(std::move(live));
    alone([&] {
      session_.swap(std::shared_ptr<const sentio::Bundle>(bundle));
      live_.swap(other);
    });
    return *other;
  }
  // A copy is handed over: an object of Python's is not used up.
  py::object swap_warmed(PySession& warmed) {
    auto [copy, other] = warmed.alone([&] { return std::pair(warmed.session_.clone(), warmed.live_); });
    alone([&] {
      session_.swap(std::move(copy));
      live_.swap(other);
    });
    return *other;
  }
  py::array_t<float> features() {
    const auto values =
        alone([&] { return std::vector<float>(session_.features().begin(), session_.features().end()); });
    return py::array_t<float>(static_cast<py::ssize_t>(values.size()), values.data());
  }
  // Whose bundle it is, then counters and figures of each feature, in the order of sentio.session.Drift.
  py::tuple drift() {
    const auto [live, rows, features] = alone([&] {
      std::vector<sentio::FeatureDrift> each;
      for (std::size_t f = 0; f < session_.drift().width(); ++f) each.push_back(session_.drift().feature(f));
      return std::tuple(live_, session_.drift().rows(), std::move(each));
    });
    const auto column_of = [&features = features](auto field) {
      py::array_t<std::decay_t<decltype(features[0].*field)>> values(
          static_cast<py::ssize_t>(features.size()));
      std::ranges::transform(features, values.mutable_data(), field);
      return values;
    };
    py::array_t<std::int64_t> bins(
        {features.size(), std::tuple_size_v<decltype(sentio::FeatureDrift::bins)>});
    std::int64_t* to = bins.mutable_data();
    for (const auto& feature : features) to = std::ranges::copy(feature.bins, to).out;
    using sentio::FeatureDrift;
    return py::make_tuple(*live, rows, bins, column_of(&FeatureDrift::below_min),
                          column_of(&FeatureDrift::above_max), column_of(&FeatureDrift::out_of_range),
                          column_of(&FeatureDrift::psi));
  }
  void reset_drift() {
    alone([&] { session_.reset_drift(); });
  }
  std::int64_t bars_seen() {
    return alone([&] { return session_.bars_seen(); });
  }
  std::optional<std::int64_t> bars_missing() {
    return alone([&] { return session_.bars_missing(); });
  }
  std::optional<std::int64_t> last_ts() {
    return alone([&] { return session_.last_ts(); });
  }
  std::optional<std::string> failure() {
    return alone([&]() -> std::optional<std::string> {
      if (!session_.failure()) return std::nullopt;
      try {
        std::rethrow_exception(session_.failure());
      } catch (const std::bad_alloc&) {
        return "cannot allocate memory";
      } catch (const std::exception& error) {
        return error.what();
      }
    });
  }
  std::optional<std::string> recording_error() {
    const auto error = alone([&] { return session_.recording_error(); });
    return error ? std::optional(error.message()) : std::nullopt;
  }

 private:
  friend class PySessionBatch;

  template <class Call>
  std::invoke_result_t<Call> alone(Call call) {
    const py::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    return call();
  }

  template <class Call>
  Said ask(Call call) {
    const auto [outcome, live] = alone([&] { return std::pair(call(), live_); });
    raise_interruption();
    return said(outcome, live);
  }

  std::mutex mutex_;
  sentio::Session session_;
  Live live_;
};

using PyBar = std::tuple<std::int64_t, double, double, double, double, double>;

class PySessionBatch {
 public:
  PySessionBatch(const std::shared_ptr<sentio::Bundle>& bundle, std::int64_t most)
      : batch_(bundle, static_cast<std::size_t>(std::max<std::int64_t>(most, 0))) {}

  std::vector<Said> on_bars(const std::vector<PySession*>& sessions, const std::vector<PyBar>& rows) {
    std::vector<sentio::Session*> natives;
    for (PySession* session : sessions) {
      if (session == nullptr) throw sentio::Error(sentio::ErrorCode::bad_argument, "a session is None");
      natives.push_back(&session->session_);
    }
    std::vector<sentio::Bar> bars;
    for (const auto& [ts, open, high, low, close, volume] : rows)
      bars.push_back({ts, open, high, low, close, volume});
    std::vector<sentio::Outcome> outcomes(bars.size());
    std::vector<Live> lives;
    {
      const py::gil_scoped_release release;
      const std::lock_guard own(mutex_);
      const auto locks = lock_all(sessions);
      batch_.on_bars(natives, bars, outcomes);
      for (const PySession* session : sessions) lives.push_back(session->live_);
    }
    raise_interruption();
    std::vector<Said> all;
    for (std::size_t k = 0; k < outcomes.size(); ++k) all.push_back(said(outcomes[k], lives[k]));
    return all;
  }

 private:
  // By address, whatever the caller's order, so that two batches never wait for each other.
  static std::vector<std::unique_lock<std::mutex>> lock_all(std::vector<PySession*> sessions) {
    std::ranges::sort(sessions);
    const auto repeated = std::ranges::unique(sessions);
    sessions.erase(repeated.begin(), repeated.end());
    std::vector<std::unique_lock<std::mutex>> locks;
    for (PySession* session : sessions) locks.emplace_back(session->mutex_);
    return locks;
  }

  std::mutex mutex_;
  sentio::SessionBatch batch_;
};

}  // namespace

void bind_session(py::module_& module) {
  py::class_<sentio::Bundle, std::shared_ptr<sentio::Bundle>>(module, "Bundle")
      .def(py::init(&load_bundle), py::arg("folder"), py::arg("backend"), py::arg("runner"))
      .def_property_readonly("id", [](const sentio::Bundle& bundle) { return bundle.id(); });

  const auto bar = [](auto& session, const char* name, auto method) {
    session.def(name, method, py::arg("ts"), py::arg("open"), py::arg("high"), py::arg("low"),
                py::arg("close"), py::arg("volume"));
  };
  py::class_<PySession> session(module, "Session");
  session
      .def(py::init<py::object, const std::shared_ptr<sentio::Bundle>&, std::int64_t, const py::bytes&>(),
           py::arg("live"), py::arg("bundle").none(false), py::arg("interval_ns"), py::arg("record"))
      .def("state", &PySession::state)
      .def("restore", &PySession::restore, py::arg("state"))
      .def("clone", &PySession::clone)
      .def("live", &PySession::live)
      .def("swap", &PySession::swap, py::arg("live"), py::arg("bundle").none(false))
      .def("swap_warmed", &PySession::swap_warmed, py::arg("warmed"))
      .def("features", &PySession::features)
      .def("drift", &PySession::drift)
      .def("reset_drift", &PySession::reset_drift)
      .def_property_readonly("bars_seen", &PySession::bars_seen)
      .def_property_readonly("bars_missing", &PySession::bars_missing)
      .def_property_readonly("last_ts", &PySession::last_ts)
      .def_property_readonly("failure", &PySession::failure)
      .def_property_readonly("recording_error", &PySession::recording_error);
  bar(session, "on_bar", &PySession::on_bar);
  bar(session, "peek", &PySession::peek);
  bar(session, "observe", &PySession::observe);
  bar(session, "warm_up", &PySession::warm_up);

  py::class_<PySessionBatch>(module, "SessionBatch")
      .def(py::init<const std::shared_ptr<sentio::Bundle>&, std::int64_t>(), py::arg("bundle").none(false),
           py::arg("most"))
      .def("on_bars", &PySessionBatch::on_bars, py::arg("sessions"), py::arg("bars"));
}
