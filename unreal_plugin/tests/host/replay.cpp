#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "Hex.h"
#include "PMMLinkCore/Receiver.h"

using namespace pmmlink;

/// Runs a script with explicit times through the core. Arguments: buffer in us, 0 or 1 for smooth.
///
/// Lines of the script, times in us: "packet TIME HEX" takes a datagram; "sample TIME SUBJECT" prints
/// "STATE SEQ VALUE...", STATE being 0 waiting, 1 live, 2 easing, 3 neutral; "counters SUBJECT" prints
/// "accepted late duplicate foreign unnamed not-finite reordered lost sessions".
int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: pmmlink_replay BUFFER_US SMOOTH < SCRIPT\n");
    return 2;
  }
  StreamConfig config;
  config.buffer_us = std::atoll(argv[1]);
  config.smooth = std::atoi(argv[2]) != 0;
  Receiver receiver(config);
  std::vector<float> values;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string word, text;
    Micros at = 0;
    words >> word;
    if (word == "packet") {
      words >> at >> text;
      const std::vector<std::uint8_t> data = FromHex(text);
      receiver.Push(data.data(), data.size(), at);
    } else if (word == "sample") {
      words >> at >> text;
      if (Stream* const stream = receiver.Find(text)) {
        const Shown shown = stream->Sample(at, values);
        std::printf("%d %lld", static_cast<int>(shown.state), static_cast<long long>(shown.seq));
        for (const float value : values) {
          std::printf(" %.9g", static_cast<double>(value));
        }
        std::printf("\n");
      } else {
        std::printf("0 -1\n");
      }
    } else if (word == "counters") {
      words >> text;
      if (Stream* const stream = receiver.Find(text)) {
        const Counters counters = stream->counters();
        for (const Verdict verdict : {Verdict::Accepted, Verdict::Late, Verdict::Duplicate, Verdict::Foreign,
                                      Verdict::Unnamed, Verdict::NotFinite}) {
          std::printf("%llu ", static_cast<unsigned long long>(counters.Count(verdict)));
        }
        std::printf("%llu %lld %llu\n", static_cast<unsigned long long>(counters.reordered),
                    static_cast<long long>(counters.lost), static_cast<unsigned long long>(counters.sessions));
      }
    }
  }
  return 0;
}
