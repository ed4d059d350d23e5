// A bundle is what was exported, or it is refused, and the check that failed says what differs.
#include <algorithm>

#include "check.hpp"
#include "made_bundle.hpp"
#include "runtime/golden.hpp"
#include "spoilt_bundle.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

TEST(a_valid_bundle_loads_and_every_check_passes) {
  for (const BundleOptions& options :
       {BundleOptions{}, BundleOptions{.seq_len = 8},
        BundleOptions{.seq_len = 8, .windows_cross_sessions = false, .kind = "return"}}) {
    const TemporaryFolder folder;
    seal(folder.path(), make_bundle(options));
    const VerifyReport report = verify_bundle(folder.path(), sum_model());
    for (const Check& check : report.checks) {
      if (!check.ok) throw std::runtime_error(check.name + ": " + check.detail);
      CHECK(!check.detail.empty());
    }
    CHECK_EQUAL(report.checks.size(), 17u);
    const auto bundle = Bundle::load(folder.path(), sum_model());
    CHECK_EQUAL(bundle->id(), report.bundle_id);
    CHECK_EQUAL(bundle->manifest().window.seq_len, options.seq_len);
    CHECK_EQUAL(bundle->manifest().horizon, 2);
    CHECK_EQUAL(describe(bundle->manifest().output), options.kind);
    CHECK_EQUAL(bundle->manifest().windows_cross_sessions, options.windows_cross_sessions);
  }
}

TEST(a_bit_that_is_flipped_anywhere_is_refused_before_anything_is_parsed) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle());
  std::size_t flips = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    const std::string good(std::istreambuf_iterator<char>(stream), {});
    // Every byte of the short files, some hundred places of the long ones; flip_every_byte.cpp takes all.
    const std::size_t step = std::max<std::size_t>(1, good.size() / 100);
    for (std::size_t i = 0; i < good.size(); i += step, ++flips) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      write_file(entry.path(), bad);
      const VerifyReport report = verify_bundle(folder.path(), sum_model());
      CHECK(report.damaged);
      CHECK(!report.ok());
      CHECK_EQUAL(report.checks.size(), 1u);
      CHECK_EQUAL(report.checks[0].name, "SHA256SUMS");
    }
    write_file(entry.path(), good);
  }
  CHECK(flips > 800);
  CHECK(verify_bundle(folder.path(), sum_model()).ok());
  write_file(folder.path() / "model.pt", "another sum");
  CHECK_THROWS(corrupt, "model.pt", (void)Bundle::load(folder.path(), sum_model()));
}

TEST(a_file_that_is_cut_missing_added_or_of_another_bundle_is_refused) {
  const TemporaryFolder folder;
  const Files files = make_bundle({.native = true});
  const Files other = make_bundle({.seq_len = 8, .kind = "return", .native = true});
  std::size_t refused = 0;
  const auto refuses = [&](const std::filesystem::path& file, const std::string& what) {
    const VerifyReport report = verify_bundle(folder.path(), {.backend = "native"});
    if (!report.damaged || report.checks.size() != 1 || report.ok()) {
      throw std::runtime_error(file.string() + ": " + what + ": accepted");
    }
    ++refused;
  };
  seal(folder.path(), files);
  std::size_t expected = 0;
  for (const auto& [name, bytes] : files) {
    const auto path = folder.path() / name;
    for (const std::size_t size : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      write_file(path, bytes.substr(0, size));
      refuses(path, "cut");
    }
    write_file(path, bytes + '\0');
    refuses(path, "longer");
    std::filesystem::remove(path);
    refuses(path, "missing");
    write_file(path, bytes);
    write_file(path.string() + ".more", "");
    refuses(path, "another beside it");
    std::filesystem::remove(path.string() + ".more");
    expected += 6;
    if (other.at(name) == bytes) continue;
    write_file(path, other.at(name));
    refuses(path, "another bundle's");
    write_file(path, bytes);
    ++expected;
    // Sealed again, so that the hashes hold: what it says or computes then does not fit the rest.
    Files mixed = files;
    mixed[name] = other.at(name);
    const TemporaryFolder sealed;
    seal(sealed.path(), mixed);
    CHECK(!verify_bundle(sealed.path(), {.backend = "native"}).ok());
  }
  CHECK_EQUAL(refused, expected);
  CHECK(expected > 90);
  CHECK(verify_bundle(folder.path(), {.backend = "native"}).ok());
}

TEST(a_file_that_no_bundle_has_is_refused_though_it_is_sealed) {
  Files files = make_bundle();
  files["more.txt"] = "";
  CHECK_EQUAL(first_failure(files), "SHA256SUMS");
  files = make_bundle();
  files["model.onnx"] = "";  // of a backend that the manifest does not name
  CHECK_EQUAL(first_failure(files), "files");
  files = make_bundle();
  files.erase("golden/outputs_7.npy");
  CHECK_EQUAL(first_failure(files), "files");
}

TEST(goldens_that_were_changed_and_sealed_again_are_refused) {
  CHECK_EQUAL(first_failure(with_bit("golden/features.npy", 4)), "golden features, batch");
  CHECK_EQUAL(first_failure(with_bit("golden/warm_features.npy", 4)), "golden features, warm start");
  CHECK_EQUAL(first_failure(with_bit("golden/before.state", 40)), "golden features, warm start");
  CHECK_EQUAL(first_failure(with_bit("golden/bars.npy", 12)),
              "golden features, batch");  // the last close, by a millionth
  CHECK_EQUAL(first_failure(with_bit("golden/outputs_1.npy", 4)), "torchscript: golden outputs, batch 1");
  CHECK_EQUAL(first_failure(with_bit("golden/outputs_7.npy", 4)), "torchscript: golden outputs, batch 7");
  CHECK_EQUAL(first_failure(with_bit("golden/outputs_256.npy", 4)), "torchscript: golden outputs, batch 256");
  CHECK_EQUAL(first_failure(with_bit("golden/rows.npy", 8)), "golden files");
  CHECK_EQUAL(first_failure(with_bit("engine.state", 40)), "engine state");
}

TEST(a_cold_start_that_is_told_to_settle_too_early_is_refused) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle());
  const SealedFolder files = SealedFolder::read(folder.path());
  ManifestDocument document = parse_manifest(files.text("metadata.json"));
  const auto plan = Plan::compile(files.text("feature_spec.json"));
  const Golden golden(files, document);
  const std::int64_t settle = *document.settle;
  CHECK(!golden.cold_start_obstacle(plan));
  CHECK_EQUAL(golden.compare_cold_start(*plan), std::to_string(420 - settle) + " bars from row " +
                                                    std::to_string(settle) +
                                                    " on, within one unit in the last place of the long run");
  document.settle = 10;  // (2/3)^10 of the prices' difference is left of an EMA of 5
  CHECK_THROWS(bad_bundle, "golden row 10, feature 'ema'", (void)golden.compare_cold_start(*plan));
  document.settle = 420;
  CHECK_EQUAL(golden.cold_start_obstacle(plan).value_or(""), "settle is 420, there are 420 golden bars");
  document.settle.reset();
  CHECK_EQUAL(golden.cold_start_obstacle(plan).value_or("").substr(0, 15), "settle is null:");
}

TEST(a_copy_of_the_scaler_that_the_weights_do_not_hold_is_refused) {
  const BundleOptions native{.native = true};
  for (const auto& [key, tensor] :
       {std::pair("mean", "scaler.mean"), {"inv_std", "scaler.inverse_deviation"}}) {
    const auto change = [key = key](Json& m) { m["normalisation"][key][2] = 0.25; };
    for (const Check& check : verify(with_manifest(change, native)).checks) {
      const bool fails = !check.ok && !check.left_out;
      CHECK_EQUAL(fails, check.name == "native: normalisation");
      if (fails) CHECK(check.detail.find(tensor) != std::string::npos);
    }
  }
}

TEST(golden_outputs_that_are_no_numbers_are_refused) {
  Files files = make_bundle();
  std::string& bytes = files["golden/outputs_7.npy"];
  bytes.replace(bytes.size() - 4, 4, std::string("\x00\x00\xC0\x7F", 4));
  CHECK_EQUAL(first_failure(files), "golden files");
}

TEST(golden_outputs_outside_of_0_to_1_are_no_probabilities) {
  const auto call_it = [](Json& m) { m["output"]["kind"] = "probability"; };
  CHECK_EQUAL(first_failure(with_manifest(call_it)), "golden files");
  CHECK_EQUAL(first_failure(make_bundle({.kind = "probability"}), sum_model(true, "probability")), "none");
}

TEST(a_bundle_of_classes_loads_and_its_goldens_tell_them_apart) {
  const LoadOptions classes = sum_model(true, "classes");
  const Files files = make_bundle({.seq_len = 8, .kind = "classes"});
  CHECK_EQUAL(first_failure(files, classes), "none");
  class Swapped final : public Model {
   public:
    explicit Swapped(const ModelShape& shape) : sum_(shape, true, "classes") {}
    void run(std::span<const float> windows, std::span<float> outputs) const override {
      sum_.run(windows, outputs);
      for (std::size_t k = 0; k < outputs.size(); k += 3) std::swap(outputs[k], outputs[k + 2]);
    }
    std::vector<Probe> probe() const override { return sum_.probe(); }
    ModelEnvironment environment() const override { return sum_.environment(); }

   private:
    SumModel sum_;
  };
  const LoadOptions swapped{.model_loader = [](std::span<const std::byte>, const ModelShape& shape) {
    return std::make_unique<const Swapped>(shape);
  }};
  const VerifyReport report = verify(files, swapped);
  int failed = 0;
  for (const Check& check : report.checks) {
    if (check.ok) continue;
    CHECK(check.name.starts_with("torchscript: golden outputs"));
    CHECK(check.detail.starts_with("window 0, output 0: "));
    ++failed;
  }
  CHECK_EQUAL(failed, 4);
}

TEST(a_state_that_ends_before_the_training_data_is_refused) {
  const auto rows = [](std::int64_t count) {
    return [count](Json& m) { m["spans"]["train"]["rows"] = count; };
  };
  // 500 bars, of which validation and test have 10 each and four come before the first valid row.
  CHECK_EQUAL(first_failure(with_manifest(rows(476))), "none");
  CHECK_EQUAL(first_failure(with_manifest(rows(477))), "engine state");
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { m["spans"]["test"]["last_ts"] = INT64_MAX; })),
              "engine state");
}

TEST(golden_windows_obey_the_manifest) {
  const auto seq_len = [](std::int64_t length) {
    return [length](Json& m) { m["input"]["seq_len"] = length; };
  };
  // The first window would begin before the first valid row.
  CHECK_EQUAL(first_failure(with_manifest(seq_len(2))), "golden files");
  // The stress windows are of another length.
  CHECK_EQUAL(first_failure(with_manifest(seq_len(7), {.seq_len = 8})), "golden files");
  const auto one_session = [](Json& m) { m["input"]["windows_cross_sessions"] = false; };
  CHECK_EQUAL(first_failure(with_manifest(one_session, {.seq_len = 8})), "golden files");
}

TEST(a_model_that_accepts_wrong_inputs_is_refused) {
  CHECK_EQUAL(first_failure(make_bundle(), sum_model(false)), "torchscript: wrong inputs refused");
}

TEST(outputs_may_differ_by_the_tolerance_on_another_machine_alone) {
  const auto elsewhere = [](double tolerance) {
    return with_manifest([tolerance](Json& m) {
      m["backends"][0]["torch"] = "sum 2";
      m["backends"][0]["tolerance"] = tolerance;
    });
  };
  SumModel::scale = 1.0F + 1e-6F;  // outputs are below 1
  const std::string strict = first_failure(make_bundle());
  const std::string within = first_failure(elsewhere(1e-5));
  const std::string beyond = first_failure(elsewhere(1e-9));
  SumModel::scale = 1;
  CHECK_EQUAL(strict, "torchscript: golden outputs, batch 1");
  CHECK_EQUAL(within, "none");
  CHECK_EQUAL(beyond, "torchscript: golden outputs, batch 1");
}

TEST(a_tolerance_by_which_another_model_would_pass_is_refused) {
  for (const BundleOptions& options :
       {BundleOptions{}, BundleOptions{.seq_len = 8, .kind = "return"}, BundleOptions{.kind = "probability"},
        BundleOptions{.kind = "classes"}}) {
    // The spread by hand, from the files: float32 [M, C] behind a header.
    const Files files = make_bundle(options);
    const std::size_t n_outputs = options.kind == "classes" ? 3 : 1;
    double spread = 0;
    for (std::size_t column = 0; column < n_outputs; ++column) {
      std::vector<double> values;
      for (const auto& [name, count] : {std::pair("outputs_1", 256U), {"stress_outputs", 16U}}) {
        const std::string& bytes = files.at("golden/" + std::string(name) + ".npy");
        std::vector<float> all(count * n_outputs);
        const std::size_t size = all.size() * sizeof(float);
        std::memcpy(all.data(), bytes.data() + bytes.size() - size, size);
        for (std::size_t k = column; k < all.size(); k += n_outputs) values.push_back(all[k]);
      }
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      spread = std::max(spread, *high - *low);
    }
    const auto elsewhere = [&](double tolerance) {
      return with_manifest(
          [tolerance](Json& m) {
            m["backends"][0]["torch"] = "sum 2";
            m["backends"][0]["tolerance"] = tolerance;
          },
          options);
    };
    const LoadOptions loader = sum_model(true, options.kind);
    CHECK_EQUAL(first_failure(elsewhere(0.999e-3 * spread), loader), "none");
    CHECK_EQUAL(first_failure(elsewhere(1.001e-3 * spread), loader), "golden files");
    SumModel::scale = 0.75F;
    const std::string other = first_failure(elsewhere(1e30), loader);
    SumModel::scale = 1;
    CHECK_EQUAL(other, "golden files");
  }
}

TEST(a_backend_that_this_build_lacks_is_named) {
  const TemporaryFolder folder;
  seal(folder.path(), with_manifest(
                          [](Json& m) {
                            m["backends"] = {{{"name", "onnx"},
                                              {"file", "model.onnx"},
                                              {"opset", 18},
                                              {"threads", 1},
                                              {"tolerance", 1e-5}}};
                          },
                          {}, "model.onnx"));
  CHECK_THROWS(unsupported, "holds the backends onnx; this build runs native",
               (void)Bundle::load(folder.path()));
  CHECK_THROWS(unsupported, "holds the backends onnx; this build runs native",
               (void)verify_bundle(folder.path()));
}

// A model is code: it is loaded where everything that can be known without it has passed.
TEST(no_model_is_loaded_of_a_bundle_that_is_refused_without_it) {
  int loaded = 0;
  LoadOptions options = sum_model();
  options.model_loader = [&loaded, load = options.model_loader](auto bytes, const ModelShape& shape) {
    ++loaded;
    return load(bytes, shape);
  };
  const auto refuses = [&](const Files& files, const std::string& words) {
    const TemporaryFolder folder;
    seal(folder.path(), files);
    CHECK_THROWS(bad_bundle, words, (void)Bundle::load(folder.path(), options));
    CHECK_EQUAL(loaded, 0);
  };
  refuses(with_bit("engine.state", 40), "engine state: ");
  refuses(with_bit("golden/rows.npy", 8), "golden files: ");
  refuses(with_bit("golden/features.npy", 4), "golden features, batch: ");
  refuses(with_bit("golden/warm_features.npy", 4), "golden features, warm start: ");
  Files extra = make_bundle();
  extra["model.onnx"] = "";
  refuses(extra, "files: ");
  (void)verify(with_bit("engine.state", 40), options);  // which tells all
  CHECK_EQUAL(loaded, 1);
  extra["metadata.json"] = "{}";
  (void)verify(extra, options);
  CHECK_EQUAL(loaded, 1);
}

TEST(loading_ends_at_the_first_check_that_fails) {
  int asked = 0;
  class Counting final : public Model {
   public:
    Counting(const ModelShape& shape, int& asked) : sum_(shape), asked_(asked) {}
    void run(std::span<const float> windows, std::span<float> outputs) const override {
      ++asked_;
      sum_.run(windows, outputs);
    }
    std::vector<Probe> probe() const override { return sum_.probe(); }
    ModelEnvironment environment() const override { return sum_.environment(); }

   private:
    SumModel sum_;
    int& asked_;
  };
  const TemporaryFolder folder;
  seal(folder.path(), with_bit("golden/outputs_1.npy", 4));
  const LoadOptions options{.model_loader = [&](std::span<const std::byte>, const ModelShape& shape) {
    return std::make_unique<const Counting>(shape, asked);
  }};
  try {
    (void)Bundle::load(folder.path(), options);
    CHECK(false);
  } catch (const Error& error) {
    CHECK_EQUAL(error.problems().size(), 1u);
    CHECK_EQUAL(error.problems()[0].path, "torchscript: golden outputs, batch 1");
  }
  CHECK_EQUAL(asked, 256);  // of a batch of 1, and of no other
}

TEST(a_refused_bundle_says_which_check_failed) {
  const TemporaryFolder folder;
  seal(folder.path(), with_bit("golden/outputs_1.npy", 4));
  CHECK_THROWS(bad_bundle, "torchscript: golden outputs, batch 1: window 255",
               (void)Bundle::load(folder.path(), sum_model()));
}

}  // namespace
