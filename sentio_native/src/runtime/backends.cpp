// The table of backends. A new one is one file and one line here.
#include "runtime/backends.hpp"

#include <array>

#include "runtime/torch_model.hpp"
#include "sentio/error.hpp"
#include "text.hpp"

namespace sentio {
namespace {

struct Backend {
  std::string_view name;
  std::unique_ptr<const Model> (*load)(std::span<const std::byte>, const WindowShape&);
};

constexpr auto kBackends = std::to_array<Backend>({
#ifdef SENTIO_HAS_TORCH
    {"torchscript", &load_torch_model},
#endif
    {{}, nullptr},  // ends the table, which may be empty otherwise
});

}  // namespace

std::vector<std::string> model_backends() {
  std::vector<std::string> names;
  for (const Backend& backend : kBackends) {
    if (backend.load != nullptr) names.emplace_back(backend.name);
  }
  return names;
}

std::unique_ptr<const Model> load_model(std::string_view backend, std::span<const std::byte> bytes,
                                        const WindowShape& shape) {
  for (const Backend& known : kBackends) {
    if (known.load != nullptr && known.name == backend) return known.load(bytes, shape);
  }
  const auto names = model_backends();
  throw Error(ErrorCode::unsupported, "this build cannot run the backend '" + std::string(backend) +
                                          "'; it has " + (names.empty() ? "none" : join(names)));
}

}  // namespace sentio
