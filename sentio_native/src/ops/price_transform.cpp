// AVGPRICE, MEDPRICE, TYPPRICE, WCLPRICE: one price for a whole bar.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_column(Lowering& op) {
  return op.in(0);
}

NodeRef lower_weighted_close(Lowering& op) {
  return pointwise(
      op.graph(), "weighted_close", {op.in(0), op.in(1), op.in(2)},
      [](const double* const* in, std::ptrdiff_t i) { return (in[0][i] + in[1][i] + 2.0 * in[2][i]) / 4.0; });
}

OpInfo price(std::string_view name, std::string_view summary, std::vector<std::string_view> columns,
             std::string_view talib, NodeRef (*lower)(Lowering&) = lower_column) {
  return {
      .name = name,
      .summary = summary,
      .definition = "Achelis, Technical Analysis from A to Z, 2nd ed. (2001); TA-Lib's price transforms",
      .columns = std::move(columns),
      .scale = "close",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> price_transform() {
  return {
      price("AVGPRICE", "Average price: (open + high + low + close) / 4", {"ohlc4"}, "AVGPRICE()"),
      price("MEDPRICE", "Median price: (high + low) / 2", {"hl2"}, "MEDPRICE()"),
      price("TYPPRICE", "Typical price: (high + low + close) / 3", {"hlc3"}, "TYPPRICE()"),
      price("WCLPRICE", "Weighted close: (high + low + 2 close) / 4", {"high", "low", "close"}, "WCLPRICE()",
            lower_weighted_close),
  };
}

}  // namespace sentio::ops
