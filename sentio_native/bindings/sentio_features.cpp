// The Python module `sentio_features`: converts, releases the GIL and calls; nothing is computed or defaulted
// here. This file holds the module, its errors, and what its build says of itself.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "parts.hpp"
#include "runtime/x86_64_v3.hpp"
#include "sentio/catalog.hpp"
#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "sentio/snapshot.hpp"

namespace py = pybind11;

namespace {

using sentio::Error;

// A message may name a file, whose name need not be UTF-8: Python's own files are named the same way.
py::str text_of(std::string_view message) {
  const auto size = static_cast<py::ssize_t>(message.size());
  return py::reinterpret_steal<py::str>(PyUnicode_DecodeUTF8(message.data(), size, "surrogateescape"));
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
        py::object text = args[0];
        for (const py::handle problem : args[2]) text += py::str("\n  {}: {}").format(*problem);
        return text;
      },
      py::is_method(engine_error), py::name("__str__"));
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      py::list problems;
      for (const sentio::Problem& problem : error.problems()) {
        problems.append(py::make_tuple(text_of(problem.path), text_of(problem.message)));
      }
      const std::string_view text = error.what();
      const py::tuple args = py::make_tuple(text_of(text.substr(0, text.find('\n'))),
                                            std::string(sentio::describe(error.code())), problems);
      PyErr_SetObject(engine_error.ptr(), args.ptr());
    } catch (const std::system_error& error) {
      const py::tuple args = py::make_tuple(error.code().value(), error.code().message());
      PyErr_SetObject(PyExc_OSError, args.ptr());
    }
  });

  bind_plan(module);
  bind_engine(module);
  bind_session(module);
  bind_build_features_from_spec(module);
  module.def("build_info", &build_info);
  module.def("lacking_of_x86_64_v3", [] { return sentio::lacking_of_x86_64_v3(sentio::processor_flags()); });
}
