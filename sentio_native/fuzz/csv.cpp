// The command's CSV files of bars: what is taken are bars that keep their contract.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "bar_feed.hpp"
#include "made_bundle.hpp"
#include "reader.hpp"
#include "screen.hpp"

namespace sentio::fuzz {
namespace {

// The reader takes a file: one in memory, which each reading begins anew.
class MemoryFile {
 public:
  MemoryFile() : file_(::memfd_create("bars", MFD_CLOEXEC)) { require(file_ >= 0); }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  void write(std::span<const std::byte> bytes) {
    require(::ftruncate(file_, 0) == 0);
    require(::pwrite(file_, bytes.data(), bytes.size(), 0) == static_cast<::ssize_t>(bytes.size()));
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

bool same(const Bar& a, const Bar& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

bool read(std::span<const std::byte> bytes) {
  static const auto bundle = test::load_made();
  static MemoryFile file;
  file.write(bytes);
  try {
    const auto feed = cli::open_csv_feed(file.path(), *bundle);
    std::vector<Bar> bars;
    while (const auto bar = feed->next()) {
      require(check_bar(*bar) == BarFault::none);
      require(bars.empty() || bar->ts > bars.back().ts);
      bars.push_back(*bar);
    }
    feed->rewind();
    for (const Bar& bar : bars) require(same(feed->next().value(), bar));
    require(!feed->next());
    return true;
  } catch (const cli::Failure& failure) {
    require(failure.exit() == cli::Exit::bad_input);
    return false;
  }
}

std::vector<std::string> seeds() {
  const std::string header = "ts,open,high,low,close,volume";
  return {header + "\n", header + "\r\n1700000000,10,11,9,10.5,100\r\n1700000300,10,11,9,1e1,0\r\n",
          header + "\n1700000000000000000,10,11,9,10.5,100\n1700000300000000000,10,11,9,10.5,100"};
}

}  // namespace sentio::fuzz
