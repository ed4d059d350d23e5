// The table of backends. CONTRIBUTING.md lists what else a new one needs.
#include "runtime/backends.hpp"

#include <algorithm>
#include <array>

#include "runtime/native_model.hpp"
#include "runtime/torch_model.hpp"
#include "sentio/error.hpp"
#include "text.hpp"

namespace sentio {
namespace {

using Bytes = std::span<const std::byte>;

struct Backend {
  std::string_view name;
  std::unique_ptr<const Model> (*load)(const BackendEntry&, Bytes, const ModelShape&);
};

constexpr auto kBackends = std::to_array<Backend>({
    {"native",
     [](const BackendEntry& entry, Bytes bytes, const ModelShape& shape) {
       return load_native_model(bytes, shape, entry.network, entry.clip);
     }},
#ifdef SENTIO_HAS_TORCH
    {"torchscript", [](const BackendEntry&, Bytes bytes,
                       const ModelShape& shape) { return load_torch_model(bytes, shape); }},
    {"aoti",
     [](const BackendEntry&, Bytes bytes, const ModelShape& shape) { return load_aoti_model(bytes, shape); }},
#endif
});

}  // namespace

std::vector<std::string> model_backends() {
  std::vector<std::string> names;
  for (const Backend& backend : kBackends) names.emplace_back(backend.name);
  return names;
}

bool has_backend(std::string_view name) noexcept {
  return std::any_of(kBackends.begin(), kBackends.end(),
                     [&](const Backend& backend) { return backend.name == name; });
}

std::unique_ptr<const Model> load_model(const BackendEntry& entry, std::span<const std::byte> bytes,
                                        const ModelShape& shape) {
  for (const Backend& known : kBackends) {
    if (known.name == entry.name) return known.load(entry, bytes, shape);
  }
  throw Error(ErrorCode::unsupported, "the backend '" + entry.name + "' is unknown here: " + say_backends());
}

std::string say_backends() {
  return "this build runs " + join(model_backends());
}

}  // namespace sentio
