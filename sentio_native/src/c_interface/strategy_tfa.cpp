// The strategy tfa in C.
#include "sentio/strategy_tfa.hpp"

#include "c_interface/handles.hpp"

using namespace sentio::c;

struct sentio_tfa {
  explicit sentio_tfa(sentio::TFAStrategy own) : strategy(std::move(own)), session(&strategy.session()) {}

  sentio::TFAStrategy strategy;
  sentio_session session;
};

namespace {

sentio::TFAStrategy& owned(sentio_tfa* tfa) {
  require(tfa != nullptr, "tfa is NULL");
  return tfa->strategy;
}

sentio_tfa* handed_out(sentio::TFAStrategy strategy) {
  return std::make_unique<sentio_tfa>(std::move(strategy)).release();
}

sentio_side side_of(sentio::Side side) noexcept {
  switch (side) {
    case sentio::Side::go_short:
      return SENTIO_SHORT;
    case sentio::Side::go_long:
      return SENTIO_LONG;
    case sentio::Side::flat:
      break;
  }
  return SENTIO_FLAT;
}

// Without a try around it: nothing here throws.
template <class Take>
sentio_result take(sentio_tfa* tfa, const sentio_bar* bar, sentio_signal* signal, sentio_outcome* outcome,
                   Take&& call) noexcept {
  if (tfa == nullptr || bar == nullptr || !has_size(signal) || (outcome != nullptr && !has_size(outcome))) {
    return fail(SENTIO_BAD_ARGUMENT, "tfa, bar or signal is NULL, or a struct_size not its sizeof");
  }
  const sentio::Signal found = call(tfa->strategy, from_c(*bar));
  sentio_signal told{};
  told.status = status_of(found.status);
  told.side = side_of(found.side);
  told.strength = found.strength;
  write_struct(told, signal);
  const sentio::Session& session = tfa->strategy.session();
  if (outcome != nullptr)
    write_struct(to_c({found.status, found.prediction}, session.bundle(), bar->ts), outcome);
  tell_failure(found.status, session);
  return SENTIO_OK;
}

}  // namespace

const char* sentio_side_text(sentio_side side) noexcept {
  for (const auto known : {sentio::Side::go_short, sentio::Side::flat, sentio::Side::go_long}) {
    if (side_of(known) == side) return describe(known).data();
  }
  return "unknown side";
}

sentio_result sentio_tfa_defaults(sentio_tfa_options* options) noexcept {
  return guarded([&] {
    require_output(options);
    const sentio::TFACfg cfg;
    sentio_tfa_options own{};
    own.interval_ns = cfg.interval_ns;
    own.buy_probability = cfg.buy_probability;
    own.sell_probability = cfg.sell_probability;
    own.buy_return = cfg.buy_return;
    own.sell_return = cfg.sell_return;
    own.confidence_floor = cfg.confidence_floor;
    own.cooldown_bars = cfg.cooldown_bars;
    write_struct(own, options);
  });
}

sentio_result sentio_tfa_new(const sentio_bundle* bundle, const sentio_tfa_options* options,
                             sentio_tfa** tfa) noexcept {
  return guarded([&] {
    require(bundle != nullptr && tfa != nullptr, "bundle or tfa is NULL");
    const sentio_tfa_options own = read_struct(options);
    const sentio::TFACfg cfg{.interval_ns = own.interval_ns,
                             .record = record_of(own.record),
                             .buy_probability = own.buy_probability,
                             .sell_probability = own.sell_probability,
                             .buy_return = own.buy_return,
                             .sell_return = own.sell_return,
                             .confidence_floor = own.confidence_floor,
                             .cooldown_bars = own.cooldown_bars};
    *tfa = handed_out(sentio::TFAStrategy(cfg, bundle->bundle));
  });
}

sentio_result sentio_tfa_clone(const sentio_tfa* tfa, sentio_tfa** clone) noexcept {
  return guarded([&] {
    require(tfa != nullptr && clone != nullptr, "tfa or clone is NULL");
    *clone = handed_out(tfa->strategy.clone());
  });
}

void sentio_tfa_free(sentio_tfa* tfa) noexcept {
  const std::unique_ptr<sentio_tfa> last(tfa);
}

sentio_result sentio_tfa_warm_up(sentio_tfa* tfa, const sentio_bar* bars, size_t count) noexcept {
  return guarded([&] { warm_up(owned(tfa), bars, count); });
}

sentio_result sentio_tfa_observe(sentio_tfa* tfa, const sentio_bar* bar, sentio_status* status) noexcept {
  return guarded([&] { observe(owned(tfa), bar, status); });
}

sentio_result sentio_tfa_on_bar(sentio_tfa* tfa, const sentio_bar* bar, sentio_signal* signal,
                                sentio_outcome* outcome) noexcept {
  return take(tfa, bar, signal, outcome,
              [](sentio::TFAStrategy& taker, const sentio::Bar& b) { return taker.on_bar(b); });
}

sentio_result sentio_tfa_peek(sentio_tfa* tfa, const sentio_bar* bar, sentio_signal* signal,
                              sentio_outcome* outcome) noexcept {
  return take(tfa, bar, signal, outcome,
              [](sentio::TFAStrategy& taker, const sentio::Bar& b) { return taker.peek(b); });
}

sentio_result sentio_tfa_state(const sentio_tfa* tfa, void* state, size_t capacity, size_t* size) noexcept {
  return guarded([&] {
    require(tfa != nullptr, "tfa is NULL");
    save(tfa->strategy, state, capacity, size);
  });
}

sentio_result sentio_tfa_restore(sentio_tfa* tfa, const void* state, size_t size) noexcept {
  return guarded([&] { restore(owned(tfa), state, size); });
}

sentio_result sentio_tfa_swap(sentio_tfa* tfa, const sentio_bundle* bundle) noexcept {
  return guarded([&] {
    require(bundle != nullptr, "bundle is NULL");
    (void)owned(tfa).swap(bundle->bundle);
  });
}

sentio_result sentio_tfa_swap_warmed(sentio_tfa* tfa, sentio_tfa** warmed) noexcept {
  return guarded([&] {
    require(warmed != nullptr && *warmed != nullptr, "warmed is NULL");
    require(tfa != *warmed, "a strategy cannot go on as itself");
    (void)owned(tfa).swap(std::move(owned(*warmed)));
    sentio_tfa_free(*warmed);
    *warmed = nullptr;
  });
}

sentio_result sentio_tfa_reset_drift(sentio_tfa* tfa) noexcept {
  return guarded([&] { owned(tfa).reset_drift(); });
}

sentio_result sentio_tfa_cooldown_left(const sentio_tfa* tfa, int64_t* bars) noexcept {
  return guarded([&] {
    require(tfa != nullptr && bars != nullptr, "tfa or bars is NULL");
    *bars = tfa->strategy.cooldown_left();
  });
}

const sentio_session* sentio_tfa_session(const sentio_tfa* tfa) noexcept {
  return tfa == nullptr ? nullptr : &tfa->session;
}
