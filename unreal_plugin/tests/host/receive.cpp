#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "PMMLinkCore/FrameGrid.h"
#include "PMMLinkCore/Receiver.h"
#include "PMMLinkCore/Status.h"

using namespace pmmlink;

namespace {

Micros Now() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

/// Appends what a subject shows: time and sequence number as int64, state and count as int32, then the values.
void Record(std::FILE* file, Stream& stream, Micros at, std::vector<float>& values) {
  const Shown shown = stream.Sample(at, values);
  const std::int64_t head[] = {at, shown.seq};
  const std::int32_t tail[] = {static_cast<std::int32_t>(shown.state), static_cast<std::int32_t>(values.size())};
  std::fwrite(head, sizeof head, 1, file);
  std::fwrite(tail, sizeof tail, 1, file);
  // A stream without names yet shows nothing, and fwrite must not be given a null pointer even for nothing.
  if (!values.empty()) std::fwrite(values.data(), sizeof(float), values.size(), file);
  std::fflush(file);
}

int Listen(std::uint16_t& port) {
  const int listener = socket(AF_INET, SOCK_DGRAM, 0);
  const int bytes = 8 << 20;
  setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("pmmlink_receive");
    std::exit(1);
  }
  port = ntohs(address.sin_port);
  return listener;
}

}  // namespace

/// Receives on loopback until standard input ends, and records the faces of subject "Face".
///
/// Arguments: port (0 takes any; the one taken is printed), buffer in us, rate, output file. Rate 0 records the
/// frame shown after every datagram; any other rate records the smoothed face so many times a second.
int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: pmmlink_receive PORT BUFFER_US RATE FILE\n");
    return 2;
  }
  std::uint16_t port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const int rate = std::atoi(argv[3]);
  StreamConfig config;
  config.buffer_us = std::atoll(argv[2]);
  config.smooth = rate > 0;
  Receiver receiver(config);
  FrameGrid grid(rate > 0 ? rate : 1, 1);
  std::FILE* const file = std::fopen(argv[4], "wb");
  if (file == nullptr) {
    std::perror(argv[4]);
    return 1;
  }
  const int listener = Listen(port);
  std::printf("%d\n", port);
  std::fflush(stdout);

  std::vector<std::uint8_t> datagram(65536);
  std::vector<float> values;
  const auto run_grid = [&](Micros now) {
    if (rate > 0) {
      grid.Run(now, [&](std::int64_t, Micros at) {
        if (Stream* const stream = receiver.Find("Face")) {
          Record(file, *stream, at, values);
        }
      });
    }
  };
  pollfd waits[] = {{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  while (true) {
    poll(waits, 2, rate > 0 ? 1 : 100);
    if (waits[0].revents & POLLIN) {
      const ssize_t size = recv(listener, datagram.data(), datagram.size(), 0);
      const Micros now = Now();
      run_grid(now);
      if (size >= 0) {
        receiver.Push(datagram.data(), static_cast<std::size_t>(size), now);
      }
      Stream* const stream = receiver.Find("Face");
      if (rate == 0 && stream != nullptr) {
        Record(file, *stream, now, values);
      }
    } else if (waits[1].revents != 0) {
      break;  // Nothing left to read, and nobody wants more.
    }
    run_grid(Now());
  }
  std::fclose(file);
  close(listener);
  if (Stream* const stream = receiver.Find("Face")) {
    const Counters counters = stream->counters();
    std::printf("accepted %llu lost %lld late %llu duplicate %llu reordered %llu malformed %llu\n",
                static_cast<unsigned long long>(counters.Count(Verdict::Accepted)),
                static_cast<long long>(counters.lost),
                static_cast<unsigned long long>(counters.Count(Verdict::Late)),
                static_cast<unsigned long long>(counters.Count(Verdict::Duplicate)),
                static_cast<unsigned long long>(counters.reordered),
                static_cast<unsigned long long>(receiver.totals().Count(Verdict::Malformed)));
    std::printf("%s\n", StatusText(receiver, Now()).c_str());
  }
  return 0;
}
