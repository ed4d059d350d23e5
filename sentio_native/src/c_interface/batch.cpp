// Batches of sessions in C.
#include "sentio/session_batch.hpp"

#include <vector>

#include "c_interface/handles.hpp"

using namespace sentio::c;

struct sentio_batch {
  sentio_batch(std::shared_ptr<const sentio::Bundle> bundle, std::size_t most)
      : batch(std::move(bundle), most), sessions(most), bars(most), outcomes(most) {}

  sentio::SessionBatch batch;
  // What a call hands over, so that it allocates nothing.
  std::vector<sentio::Session*> sessions;
  std::vector<sentio::Bar> bars;
  std::vector<sentio::Outcome> outcomes;
};

sentio_result sentio_batch_new(const sentio_bundle* bundle, size_t most, sentio_batch** batch) noexcept {
  return guarded([&] {
    require(bundle != nullptr && batch != nullptr, "bundle or batch is NULL");
    *batch = std::make_unique<sentio_batch>(bundle->bundle, most).release();
  });
}

void sentio_batch_free(sentio_batch* batch) noexcept {
  const std::unique_ptr<sentio_batch> last(batch);
}

sentio_result sentio_batch_on_bars(sentio_batch* batch, sentio_session* const* sessions,
                                   const sentio_bar* bars, sentio_outcome* outcomes, size_t count) noexcept {
  return guarded([&] {
    require(batch != nullptr, "batch is NULL");
    require(count <= batch->bars.size(), "there are more bars than the batch has room for");
    if (count == 0) return;
    require(sessions != nullptr && bars != nullptr, "sessions or bars is NULL");
    require_output(outcomes);
    // The caller's structs may be longer than ours, or shorter.
    const std::size_t stride = outcomes->struct_size;
    require(stride % alignof(sentio_outcome) == 0, "the outcomes' struct_size is no multiple of 8");
    const auto outcome = [&](std::size_t k) {
      return reinterpret_cast<sentio_outcome*>(reinterpret_cast<unsigned char*>(outcomes) + k * stride);
    };
    for (std::size_t k = 0; k < count; ++k) {
      batch->sessions[k] = &owned(sessions[k]);
      require(outcome(k)->struct_size == stride, "the outcomes' struct_sizes are not the same");
      batch->bars[k] = from_c(bars[k]);
    }
    const std::span told(batch->outcomes.data(), count);
    batch->batch.on_bars({batch->sessions.data(), count}, {batch->bars.data(), count}, told);
    for (std::size_t k = 0; k < count; ++k) {
      const sentio::Session& session = *batch->sessions[k];
      write_struct(to_c(told[k], session.bundle(), bars[k].ts), outcome(k));
      tell_failure(told[k].status, session);
    }
  });
}
