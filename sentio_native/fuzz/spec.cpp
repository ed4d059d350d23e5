// A feature spec: what compiles has a plan that agrees with itself.
#include "reader.hpp"
#include "sentio/plan.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sentio;
  fuzz::read_or_refuse({ErrorCode::bad_spec}, [&] {
    const auto plan = Plan::compile(fuzz::text_of(data, size));
    fuzz::require(plan->width() == plan->features().size() && plan->width() > 0);
    fuzz::require(plan->warmup() >= 0 && plan->first_valid_row() >= 0 && plan->session_gap() > 0);
    fuzz::require(plan->hash_hex().size() == 64);
  });
  return 0;
}
