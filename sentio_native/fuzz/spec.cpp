// A feature spec: what compiles has a plan that agrees with itself.
#include "every_op.hpp"
#include "reader.hpp"

namespace sentio::fuzz {

bool read(std::span<const std::byte> bytes) {
  return take_or_refuse({ErrorCode::bad_spec}, [&] {
    const auto plan = Plan::compile(text_of(bytes));
    require(plan->width() == plan->features().size() && plan->width() > 0);
    require(plan->warmup() >= 0 && plan->first_valid_row() >= 0 && plan->session_gap() > 0);
    require(plan->hash_hex().size() == 64);
  });
}

std::vector<std::string> seeds() {
  std::vector<std::string> seeds;
  for (const OpInfo& op : catalog()) seeds.push_back(test::spec_of({test::feature_of(op)}));
  seeds.emplace_back(
      R"({"schema_version":"1.0","dtype":"float64","session_gap":"2h","features":[)"
      R"({"name":"a","op":"EMA","source":"hlc3","window":5,"hidden":true},{"name":"b","op":"ROC","source":"a","window":3}],)"
      R"("alignment_policy":{"emit_from_index":9,"pad_value":null,"allow_early_emit":true}})");
  return seeds;
}

}  // namespace sentio::fuzz
