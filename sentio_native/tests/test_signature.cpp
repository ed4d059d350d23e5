// A bundle that must be signed is loaded only where the trusted key signed it; a build that cannot check says
// so.
#include "check.hpp"
#include "made_bundle.hpp"
#include "runtime/signature.hpp"
#include "sentio/strategy_tfa.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

// The public key of RFC 8032, section 7.1, test 1, in PEM (RFC 8410: a fixed prefix, then the 32 bytes).
constexpr const char* kPublicKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n";

LoadOptions trusting(const std::string& key) {
  LoadOptions options = sum_model();
  options.trusted_key = key;
  return options;
}

TEST(a_signature_beside_the_list_is_the_one_file_that_is_not_listed) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle());
  write_file(folder.path() / "SHA256SUMS.sig", "not looked at where no key is trusted");
  CHECK(verify_bundle(folder.path(), sum_model()).ok());
  write_file(folder.path() / "golden/SHA256SUMS.sig", "");
  CHECK(verify_bundle(folder.path(), sum_model()).damaged);
}

// Every way by which a trading process loads asks for the signature.
void every_way_refuses(ErrorCode code, const std::string& words) {
  const TemporaryFolder root;
  const TFACfg cfg{.root = root.path(), .interval_ns = 5 * kMinute};
  seal(cfg.folder(), make_bundle());
  const std::function<void(const LoadOptions&)> ways[] = {
      [&](const LoadOptions& load) { (void)Bundle::load(cfg.folder(), load); },
      [&](const LoadOptions& load) { (void)Session::load(cfg.folder(), {.interval_ns = 5 * kMinute}, load); },
      [&](const LoadOptions& load) { (void)TFAStrategy(cfg, load); },
  };
  for (const auto& load : ways) {
    load(sum_model());  // nothing is asked for
    check::throws(__FILE__, __LINE__, code, words, [&] { load(trusting(kPublicKey)); });
  }
}

#ifdef SENTIO_HAS_OPENSSL

TEST(an_unsigned_bundle_is_refused_by_every_way_of_loading) {
  every_way_refuses(ErrorCode::bad_bundle, "the bundle is unsigned");
}

// Its signature of the empty message, there too.
const std::string kSignatureOfNothing(
    "\xe5\x56\x43\x00\xc3\x60\xac\x72\x90\x86\xe2\xcc\x80\x6e\x82\x8a\x84\x87\x7f\x1e\xb8\xe5\xd9\x74\xd8\x73"
    "\xe0\x65\x22\x49\x01\x55\x5f\xb8\x82\x15\x90\xa3\x3b\xac\xc6\x1e\x39\x70\x1c\xf9\xb4\x6b\xd2\x5b\xf5\xf0"
    "\x59\x5b\xbe\x24\x65\x51\x41\x43\x8e\x7a\x10\x0b",
    64);

// "" means that there is none.
VerifyReport verify_signed(const std::string& signature, const std::string& key = kPublicKey) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle());
  if (!signature.empty()) write_file(folder.path() / "SHA256SUMS.sig", signature);
  const auto load = [&] { return Bundle::load(folder.path(), trusting(key)); };
  const VerifyReport report = verify_bundle(folder.path(), trusting(key));
  if (!report.ok()) CHECK_THROWS(bad_bundle, "signature: ", (void)load());
  return report;
}

void refuses(const std::string& words, const std::string& signature) {
  const VerifyReport report = verify_signed(signature);
  CHECK_EQUAL(report.checks.size(), 1u);  // nothing of the bundle was read
  CHECK_EQUAL(report.checks[0].name, "signature");
  CHECK(!report.checks[0].ok);
  CHECK(!report.damaged);
  CHECK(report.checks[0].detail.find(words) != std::string::npos);
}

TEST(an_unsigned_or_ill_signed_bundle_is_refused_before_anything_is_parsed) {
  refuses("unsigned", "");
  refuses("has 63 bytes", std::string(63, 'x'));
  refuses("has 65 bytes", std::string(65, 'x'));
  refuses("is no signature", std::string(64, '\0'));
  refuses("is no signature", kSignatureOfNothing);  // good, but of other bytes
}

TEST(the_published_signature_of_the_empty_message_is_good_and_of_no_other) {
  const TrustedKey key(kPublicKey);
  const auto signature = std::as_bytes(std::span(kSignatureOfNothing));
  key.check({}, signature);
  CHECK_THROWS(bad_bundle, "is no signature", key.check(std::as_bytes(std::span("x", 1)), signature));
}

TEST(a_key_that_is_none_is_the_callers_fault) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle());
  const auto load = [&](const std::string& key) { (void)Bundle::load(folder.path(), trusting(key)); };
  CHECK_THROWS(missing, "nowhere.pem", load("/nowhere.pem"));
  CHECK_THROWS(bad_argument, "no Ed25519 public key", load("-----BEGIN PUBLIC KEY-----\n"));
  write_file(folder.path().string() + ".pem", kPublicKey);
  CHECK_THROWS(bad_bundle, "unsigned", load(folder.path().string() + ".pem"));
  std::filesystem::remove(folder.path().string() + ".pem");
}

#else

TEST(a_build_that_cannot_check_a_signature_refuses_the_request_and_names_the_option) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle());
  every_way_refuses(ErrorCode::unsupported, "SENTIO_OPENSSL");
  CHECK_THROWS(unsupported, "SENTIO_OPENSSL", (void)verify_bundle(folder.path(), trusting(kPublicKey)));
}

#endif

}  // namespace
