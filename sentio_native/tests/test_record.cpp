// What a session writes down, read back by the bytes that docs/reference/record.md lists.
#include <sys/resource.h>

#include <bit>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>

#include "check.hpp"
#include "crc32.hpp"
#include "made_bundle.hpp"
#include "sentio/session_batch.hpp"
#include "sentio/strategy_tfa.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

constexpr std::size_t kWidth = 3;  // features of the made bundle
constexpr std::size_t kBarRecord = 12 + 60 + 4 * kWidth + 4;

SessionOptions recording_in(const std::filesystem::path& file) {
  return {.interval_ns = 5 * kMinute, .record = file};
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

template <class T>
T at(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);  // of a little-endian machine
  return value;
}

struct Record {
  std::uint32_t kind;
  std::string payload;
};

std::vector<Record> records_of(const std::filesystem::path& file) {
  const std::string bytes = read_file(file);
  CHECK_EQUAL(bytes.substr(0, 8), "SENTIORC");
  CHECK_EQUAL(at<std::uint64_t>(bytes, 8), 2u);
  std::vector<Record> records;
  std::uint32_t sum = 0;
  for (std::size_t place = 16; place < bytes.size();) {
    const auto length = at<std::uint32_t>(bytes, place + 4);
    const auto head = std::string_view(bytes).substr(place, 8);
    const auto payload = std::string_view(bytes).substr(place + 12, length);
    for (const auto part : {head, payload}) {
      sum = crc32(std::as_bytes(std::span(part)), sum);
      const auto end = static_cast<std::size_t>(part.data() + part.size() - bytes.data());
      CHECK_EQUAL(at<std::uint32_t>(bytes, end), sum);
    }
    records.push_back({at<std::uint32_t>(bytes, place), std::string(payload)});
    place += 12 + length + 4;
  }
  return records;
}

TEST(the_checksum_is_that_of_zlib) {
  const std::string_view text = "123456789";
  CHECK_EQUAL(crc32(std::as_bytes(std::span(text))), 0xCBF43926u);  // the check value of CRC-32/ISO-HDLC
  CHECK_EQUAL(
      crc32(std::as_bytes(std::span(text.substr(4))), crc32(std::as_bytes(std::span(text.substr(0, 4))))),
      0xCBF43926u);
}

TEST(every_bar_that_is_taken_is_written_down) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "live.record";
  const BarTable bars = make_bars(60, 20);
  Session session(load_made({.seq_len = 3}), recording_in(file));
  const auto first = session.state();
  session.warm_up(bars.columns().slice(0, 10));
  const auto warm = session.state();
  std::vector<Outcome> outcomes;
  std::vector<std::vector<float>> features;
  for (std::size_t row = 10; row < bars.size(); ++row) {
    Bar bad = bars[row];
    bad.low = -1;
    CHECK(is_refusal(session.on_bar(bad).status));
    (void)session.peek(bars[row]);
    SumModel::failing = row == 40;
    if (row == 30) {
      outcomes.push_back({session.observe(bars[row])});
    } else {
      outcomes.push_back(session.on_bar(bars[row]));
    }
    SumModel::failing = false;
    features.emplace_back(session.features().begin(), session.features().end());
  }
  CHECK(!session.recording_error());

  const auto records = records_of(file);
  CHECK_EQUAL(records.size(), 2 + outcomes.size());
  for (const auto& [record, state] : {std::pair(records[0], first), std::pair(records[1], warm)}) {
    CHECK_EQUAL(record.kind, 1u);
    std::string id;
    for (const char byte : record.payload.substr(0, 32)) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      id += kDigits[static_cast<unsigned char>(byte) >> 4];
      id += kDigits[static_cast<unsigned char>(byte) & 15];
    }
    CHECK_EQUAL(id, session.bundle().id());
    CHECK_EQUAL(at<std::uint64_t>(record.payload, 32), 1u);
    CHECK(std::memcmp(record.payload.data() + 40, state.data(), state.size()) == 0);
  }
  for (std::size_t k = 0; k < outcomes.size(); ++k) {
    const auto& [kind, payload] = records[k + 2];
    const Bar bar = bars[k + 10];
    CHECK_EQUAL(kind, 2u);
    CHECK_EQUAL(payload.size(), 60 + 4 * kWidth);
    CHECK_EQUAL(at<std::int64_t>(payload, 0), bar.ts);
    const double values[] = {bar.open, bar.high, bar.low, bar.close, bar.volume};
    CHECK(std::memcmp(payload.data() + 8, values, sizeof values) == 0);
    CHECK_EQUAL(at<std::uint32_t>(payload, 48), k == 30 ? 2u : 0u);
    CHECK_EQUAL(at<std::uint32_t>(payload, 52), k == 20 ? 0u : 1u);
    const auto value = at<float>(payload, 56);
    CHECK_EQUAL(outcomes[k].prediction.has_value(), k != 20 && k != 30);
    if (outcomes[k].prediction) {
      CHECK_EQUAL(double{value}, outcomes[k].prediction->value);
    } else {
      CHECK(std::isnan(value));
    }
    CHECK(std::memcmp(payload.data() + 60, features[k].data(), 4 * kWidth) == 0);
  }
}

TEST(the_outputs_of_classes_stand_before_the_features) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "live.record";
  const BarTable bars = make_bars(30, 20);
  Session session(load_made({.kind = "classes"}), recording_in(file));
  std::vector<Outcome> outcomes;
  for (std::size_t row = 0; row < bars.size(); ++row) outcomes.push_back(session.on_bar(bars[row]));
  (void)session.swap(load_made());  // of one output: later bars are shorter
  (void)session.on_bar({bars.ts.back() + 5 * kMinute, 100, 100, 100, 100, 1});
  const auto records = records_of(file);
  CHECK_EQUAL(at<std::uint64_t>(records[0].payload, 32), 3u);
  for (std::size_t row = 0; row < bars.size(); ++row) {
    const std::string& payload = records[row + 1].payload;
    CHECK_EQUAL(payload.size(), 56 + 4 * (3 + kWidth));
    for (std::size_t k = 0; k < 3; ++k) {
      const auto value = at<float>(payload, 56 + 4 * k);
      CHECK_EQUAL(std::isnan(value), !outcomes[row].prediction);
      if (outcomes[row].prediction) CHECK_EQUAL(double{value}, outcomes[row].prediction->values[k]);
    }
  }
  CHECK_EQUAL(at<std::uint64_t>(records[31].payload, 32), 1u);
  CHECK_EQUAL(records[32].payload.size(), 56 + 4 * (1 + kWidth));
  CHECK(std::memcmp(records[32].payload.data() + 60, session.features().data(), 4 * kWidth) == 0);
}

TEST(a_clone_records_nothing_and_what_a_session_goes_on_from_is_written_down) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "live.record";
  const BarTable bars = make_bars(40, 20);
  const auto bundle = load_made(), other = load_made({.seq_len = 2});
  Session session(bundle, recording_in(file));
  Session clone = session.clone();
  (void)clone.on_bar(bars[0]);
  CHECK_EQUAL(records_of(file).size(), 1u);
  session.restore(clone.state());
  (void)session.swap(bundle);
  Session warmed(other, {.interval_ns = 5 * kMinute});
  warmed.warm_up(bars.columns().slice(0, 1));
  (void)session.swap(std::move(warmed));
  (void)session.on_bar(bars[1]);
  const auto records = records_of(file);
  std::string kinds;
  for (const Record& record : records) kinds += std::to_string(record.kind);
  CHECK_EQUAL(kinds, "11112");
  CHECK(records[2].payload.substr(0, 32) != records[3].payload.substr(0, 32));
}

TEST(a_record_is_never_written_over) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "live.record";
  write_file(file, "precious");
  const auto bundle = load_made();
  CHECK_THROWS(bad_argument, "live.record: is there already", Session(bundle, recording_in(file)));
  CHECK_EQUAL(read_file(file), "precious");
  try {
    Session(bundle, recording_in(folder.path() / "no" / "such" / "folder"));
    CHECK(false);  // a file in a folder that is not there was made
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::no_such_file_or_directory);
  }
}

TEST(a_full_disk_ends_the_record_and_not_the_predictions) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "live.record";
  const BarTable bars = make_bars(60, 20);
  Session session(load_made(), recording_in(file));
  const std::size_t header = read_file(file).size();
  ::rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const ::rlimit little{header + 10 * kBarRecord + 7, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &little);
  int predicted = 0;
  for (std::size_t row = 0; row < bars.size(); ++row) {
    predicted += session.on_bar(bars[row]).prediction.has_value();
    if (row < 10) CHECK(!session.recording_error());
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  (void)std::signal(SIGXFSZ, handler);
  CHECK(session.recording_error() == std::errc::file_too_large);
  CHECK_EQUAL(predicted, 56);
  CHECK_EQUAL(read_file(file).size(), header + 10 * kBarRecord + 7);
}

TEST(a_batch_records_what_single_calls_do) {
  const TemporaryFolder folder;
  const BarTable bars = make_bars(40, 20);
  const auto bundle = load_made({.seq_len = 2});
  Session alone(bundle, recording_in(folder.path() / "alone")),
      batched(bundle, recording_in(folder.path() / "batched"));
  SessionBatch batch(bundle, 2);
  for (std::size_t row = 0; row < bars.size(); row += 2) {
    Session* both[] = {&batched, &batched};
    const Bar now[] = {bars[row], bars[row + 1]};
    Outcome outcomes[2];
    batch.on_bars(both, now, outcomes);
    for (const Bar& bar : now) (void)alone.on_bar(bar);
  }
  CHECK(read_file(folder.path() / "alone") == read_file(folder.path() / "batched"));
  CHECK_EQUAL(records_of(folder.path() / "alone").size(), 41u);
}

TEST(a_strategy_records_what_its_session_does) {
  const TemporaryFolder folder;
  const BarTable bars = make_bars(60, 20);
  const auto bundle = load_made({.seq_len = 2});
  Session session(bundle, recording_in(folder.path() / "session"));
  TFAStrategy strategy({.interval_ns = 5 * kMinute, .record = folder.path() / "strategy"}, bundle);
  session.warm_up(bars.columns().slice(0, 20));
  strategy.warm_up(bars.columns().slice(0, 20));
  for (std::size_t row = 20; row < bars.size(); ++row) {
    if (row % 9 == 0) {
      CHECK(session.observe(bars[row]) == strategy.observe(bars[row]));
    } else {
      (void)session.on_bar(bars[row]);
      (void)strategy.peek(bars[row]);
      (void)strategy.on_bar(bars[row]);
    }
  }
  CHECK(!strategy.session().recording_error());
  CHECK(read_file(folder.path() / "session") == read_file(folder.path() / "strategy"));
  CHECK_EQUAL(records_of(folder.path() / "strategy").size(), 42u);  // two states
}

}  // namespace
