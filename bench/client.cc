// client: does one operation over and over, and says how fast it went.
//
//     client OPERATION DIRECTORY MILLISECONDS CLIENTS SERVER_PID
//
// CLIENTS threads work at the same time, each on a file of its own. Prints one line of JSON: how
// many operations, how long, the latency's percentiles, and the CPU time that the server's process
// took meanwhile.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "histogram.h"

namespace {

[[noreturn]] void Fail(const std::string& what) {
  perror(what.c_str());
  exit(EXIT_FAILURE);
}

int64_t Now(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) {
    Fail("clock");
  }
  return time.tv_sec * int64_t{1000000000} + time.tv_nsec;
}

using Operation = std::function<void()>;

struct Place {
  std::string directory;
  int client;  // counted from 0
  std::string File(char kind) const { return directory + '/' + kind + std::to_string(client); }
};

int Open(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) {
    Fail(path);
  }
  return fd;
}

Operation GetAttr(const Place& place) {
  return [fd = Open(place.File('f'), O_RDONLY)] {
    struct stat attributes;
    if (fstat(fd, &attributes) != 0) {
      Fail("fstat");
    }
  };
}

// An O_PATH descriptor is had for a lookup alone.
Operation Lookup(const Place& place) {
  return [path = place.File('f')] { close(Open(path, O_PATH)); };
}

Operation OpenClose(const Place& place) {
  return [path = place.File('f')] { close(Open(path, O_RDONLY)); };
}

Operation CreateUnlink(const Place& place) {
  return [path = place.File('t')] {
    close(Open(path, O_WRONLY | O_CREAT | O_EXCL));
    if (unlink(path.c_str()) != 0) {
      Fail("unlink");
    }
  };
}

Operation ReadDirectory(const Place& place) {
  return [path = place.directory] {
    alignas(dirent64) char buffer[32768];
    const int fd = Open(path, O_RDONLY | O_DIRECTORY);
    ssize_t size;
    while ((size = getdents64(fd, buffer, sizeof(buffer))) > 0) {
    }
    if (size < 0) {
      Fail("getdents64");
    }
    close(fd);
  };
}

// One client's file, and where in it to go next.
struct Stream {
  Stream(const Place& place, size_t block_size, bool random_offsets, int flags)
      : path(place.File('f')), fd(Open(path, flags)), size(block_size), random(random_offsets) {
    struct stat attributes;
    if (fstat(fd, &attributes) != 0 ||
        posix_memalign(reinterpret_cast<void**>(&block), 4096, size) != 0) {
      Fail("preparing " + path);
    }
    std::fill_n(block, size, 'x');
    blocks = attributes.st_size / static_cast<off_t>(size);
    numbers.seed(static_cast<unsigned>(place.client));
  }

  off_t NextOffset() {
    const off_t number = random ? static_cast<off_t>(numbers()) % blocks : next++ % blocks;
    return number * static_cast<off_t>(size);
  }

  const std::string path;
  int fd;
  const size_t size;
  const bool random;
  char* block = nullptr;
  off_t blocks;
  off_t next = 0;
  std::minstd_rand numbers;
};

Operation Read(const Place& place, size_t size, bool random) {
  return [stream = std::make_shared<Stream>(place, size, random, O_RDONLY | O_DIRECT)] {
    if (pread(stream->fd, stream->block, stream->size, stream->NextOffset()) !=
        static_cast<ssize_t>(stream->size)) {
      Fail("pread");
    }
  };
}

Operation Write(const Place& place, size_t size, bool random) {
  return [stream = std::make_shared<Stream>(place, size, random, O_WRONLY | O_DIRECT)] {
    if (pwrite(stream->fd, stream->block, stream->size, stream->NextOffset()) !=
        static_cast<ssize_t>(stream->size)) {
      Fail("pwrite");
    }
  };
}

// Through the page cache, with read-ahead. The kernel empties the cache when the file is opened.
Operation ReadAhead(const Place& place, size_t size) {
  return [stream = std::make_shared<Stream>(place, size, false, O_RDONLY)] {
    const off_t offset = stream->NextOffset();
    if (offset == 0) {
      close(stream->fd);
      stream->fd = Open(stream->path, O_RDONLY);
    }
    if (pread(stream->fd, stream->block, stream->size, offset) !=
        static_cast<ssize_t>(stream->size)) {
      Fail("pread");
    }
  };
}

// Each client has its own directory where there is a place for its number.
std::string DirectoryOf(std::string directory, int client) {
  if (const size_t place = directory.rfind('#'); place != std::string::npos) {
    directory.replace(place, 1, std::to_string(client));
  }
  return directory;
}

// "read:4096" is the operation "read" with that block size.
Operation Make(std::string_view name, const Place& place) {
  const size_t colon = name.find(':');
  const std::string_view kind = name.substr(0, colon);
  const size_t size =
      colon == name.npos ? 0 : strtoul(std::string(name.substr(colon + 1)).c_str(), nullptr, 10);
  if (kind == "getattr") return GetAttr(place);
  if (kind == "lookup") return Lookup(place);
  if (kind == "open") return OpenClose(place);
  if (kind == "create") return CreateUnlink(place);
  if (kind == "readdir") return ReadDirectory(place);
  if (size > 0) {
    if (kind == "randread") return Read(place, size, true);
    if (kind == "randwrite") return Write(place, size, true);
    if (kind == "read") return Read(place, size, false);
    if (kind == "write") return Write(place, size, false);
    if (kind == "readahead") return ReadAhead(place, size);
  }
  fprintf(stderr, "no such operation: %.*s\n", static_cast<int>(name.size()), name.data());
  exit(EXIT_FAILURE);
}

struct Outcome {
  uint64_t count = 0;
  int64_t end = 0;
  Histogram latencies;
};

void Work(const Operation& operation, int64_t deadline, Outcome* outcome) {
  int64_t before = Now(CLOCK_MONOTONIC);
  while (before < deadline) {
    operation();
    const int64_t after = Now(CLOCK_MONOTONIC);
    outcome->latencies.Add(static_cast<uint64_t>(after - before));
    ++outcome->count;
    before = after;
  }
  outcome->end = before;
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 6) {
    fprintf(stderr, "usage: %s OPERATION DIRECTORY MILLISECONDS CLIENTS SERVER_PID\n", argv[0]);
    return EXIT_FAILURE;
  }
  const int64_t duration = strtol(argv[3], nullptr, 10) * int64_t{1000000};
  const int clients = static_cast<int>(strtol(argv[4], nullptr, 10));
  clockid_t server_clock;
  if (clock_getcpuclockid(static_cast<pid_t>(strtol(argv[5], nullptr, 10)), &server_clock) != 0) {
    Fail("the server's clock");
  }

  constexpr int kWarmUps = 20;  // enough to wake the server's threads
  std::vector<Outcome> outcomes(static_cast<size_t>(clients));
  int64_t start = 0;
  int64_t server_start = 0;
  std::barrier ready(clients, [&]() noexcept {
    server_start = Now(server_clock);
    start = Now(CLOCK_MONOTONIC);
  });
  {
    std::vector<std::jthread> threads;
    threads.reserve(outcomes.size());
    for (int i = 0; i < clients; ++i) {
      threads.emplace_back([&, i] {
        const Operation operation = Make(argv[1], Place{DirectoryOf(argv[2], i), i});
        for (int n = 0; n < kWarmUps; ++n) {
          operation();
        }
        ready.arrive_and_wait();
        Work(operation, start + duration, &outcomes[static_cast<size_t>(i)]);
      });
    }
  }
  const int64_t server_end = Now(server_clock);

  Outcome all;
  for (const Outcome& outcome : outcomes) {
    all.count += outcome.count;
    all.end = std::max(all.end, outcome.end);
    all.latencies.Add(outcome.latencies);
  }
  printf("{\"ops\": %llu, \"ns\": %lld, \"p50_ns\": %.0f, \"p99_ns\": %.0f, \"server_ns\": %lld}\n",
         static_cast<unsigned long long>(all.count), static_cast<long long>(all.end - start),
         all.latencies.Percentile(50), all.latencies.Percentile(99),
         static_cast<long long>(server_end - server_start));
  return EXIT_SUCCESS;
}
