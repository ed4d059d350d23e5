// SESSION_TIME, SESSION_RETURN, SESSION_RANGE_POSITION, OPENING_RANGE_POSITION, OVERNIGHT_RETURN: the bar in
// its session.
#include "kernels/session.hpp"

#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_time(Lowering& op) {
  const NodeRef seconds = session_fold(
      op.graph(), "session_seconds", {GraphBuilder::base(BaseColumn::gap)},
      [](const double* const*, std::ptrdiff_t) { return 0.0; },
      [](double before, const double* const* in, std::ptrdiff_t i) { return before + in[1][i]; });
  return pointwise(op.graph(), "session_time", {seconds}, [](const double* const* in, std::ptrdiff_t i) {
    return smaller(in[0][i] / 86400.0, 1.0);
  });
}

NodeRef lower_return(Lowering& op) {
  const NodeRef start = session_fold(
      op.graph(), "session_open", {op.in(0)},
      [](const double* const* in, std::ptrdiff_t i) { return in[1][i]; },
      [](double before, const double* const*, std::ptrdiff_t) { return before; });
  return log_ratio(op.graph(), op.in(1), start);
}

NodeRef lower_range_position(Lowering& op) {
  const auto here = [](const double* const* in, std::ptrdiff_t i) { return in[1][i]; };
  const NodeRef top = session_fold(
      op.graph(), "session_high", {op.in(0)}, here,
      [](double before, const double* const* in, std::ptrdiff_t i) { return larger(before, in[1][i]); });
  const NodeRef bottom = session_fold(
      op.graph(), "session_low", {op.in(1)}, here,
      [](double before, const double* const* in, std::ptrdiff_t i) { return smaller(before, in[1][i]); });
  return pointwise(op.graph(), "session_range_position", {top, bottom, op.in(2)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double range = in[0][i] - in[1][i];
                     return range > 0.0 ? (in[2][i] - in[1][i]) / range : 0.5;
                   });
}

// The range grows with the session's first bars and then stands.
NodeRef lower_opening_range_position(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto count = op.real("window");
  const NodeRef bars = session_fold(
      graph, "session_bars", {}, [](const double* const*, std::ptrdiff_t) { return 1.0; },
      [](double before, const double* const*, std::ptrdiff_t) { return before + 1.0; });
  const NodeRef opening =
      pointwise(graph, "opening", {bars},
                [count](const double* const* in, std::ptrdiff_t i) { return in[0][i] <= count ? 1.0 : 0.0; },
                0, {count});
  const auto here = [](const double* const* in, std::ptrdiff_t i) { return in[2][i]; };
  const NodeRef top = session_fold(graph, "opening_high", {opening, op.in(0)}, here,
                                   [](double before, const double* const* in, std::ptrdiff_t i) {
                                     return in[1][i] != 0.0 ? larger(before, in[2][i]) : before;
                                   });
  const NodeRef bottom = session_fold(graph, "opening_low", {opening, op.in(1)}, here,
                                      [](double before, const double* const* in, std::ptrdiff_t i) {
                                        return in[1][i] != 0.0 ? smaller(before, in[2][i]) : before;
                                      });
  return pointwise(graph, "opening_range_position", {top, bottom, op.in(2)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double range = in[0][i] - in[1][i];
                     return range > 0.0 ? held((in[2][i] - in[1][i]) / range) : 0.5;
                   });
}

NodeRef lower_overnight(Lowering& op) {
  const NodeRef gap = log_ratio(op.graph(), op.in(0), delayed(op.graph(), op.in(1), 1));
  return session_fold(
      op.graph(), "overnight_return", {gap},
      // This node's first bar is the second of all, which starts no session.
      [](const double* const* in, std::ptrdiff_t i) { return in[0][i] != 0.0 ? in[1][i] : 0.0; },
      [](double before, const double* const*, std::ptrdiff_t) { return before; });
}

}  // namespace

std::vector<OpInfo> session() {
  return {
      {
          .name = "SESSION_TIME",
          .summary =
              "Time from the open of the session's first bar to the open of this one, in days, at most 1",
          .definition =
              "time of day as in Andersen and Bollerslev, Intraday periodicity and volatility (1997)",
          .memory = Memory::session,
          .neutral = "1 from a session's second day on",
          .lower = lower_time,
      },
      {
          .name = "SESSION_RETURN",
          .version = 2,
          .summary = "Log return since the session's open: log(close / open of its first bar)",
          .definition = "the intraday return of Lou, Polk and Skouras, A tug of war (2019), up to now",
          .columns = {"open", "close"},
          .memory = Memory::session,
          .lower = lower_return,
      },
      {
          .name = "SESSION_RANGE_POSITION",
          .summary = "Where the close lies in the session's range so far, 0 (low) to 1 (high)",
          .definition = "Lane's stochastic (1984) with the session so far as its window",
          .columns = {"high", "low", "close"},
          .memory = Memory::session,
          .neutral = "0.5 in a flat session",
          .lower = lower_range_position,
      },
      {
          .name = "OPENING_RANGE_POSITION",
          .summary =
              "Where the close lies in the range of the session's first `window` bars, 0 (its low) to 1 "
              "(its high), beyond these after a breakout; in the range so far until they are over",
          .definition =
              "the opening range of Crabel, Day Trading with Short Term Price Patterns and Opening Range "
              "Breakout (1990)",
          .columns = {"high", "low", "close"},
          .params = {window_param(30, 1, "bars at the session's start whose range counts")},
          .memory = Memory::session,
          .neutral = "0.5 while the opening range is flat; held within 1e60",
          .lower = lower_opening_range_position,
      },
      {
          .name = "OVERNIGHT_RETURN",
          .version = 2,
          .summary =
              "Log return over the gap before this session, held through it: log(its open / close before)",
          .definition = "the overnight return of Lou, Polk and Skouras, A tug of war (2019)",
          .columns = {"open", "close"},
          .warmup = "1",
          .memory = Memory::session,
          .neutral = "0 in the first session",
          .lower = lower_overnight,
      },
  };
}

}  // namespace sentio::ops
