#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "../core/Packets.h"
#include "PMMLinkCore/Profile.h"
#include "PMMLinkCore/Receiver.h"

using namespace pmmlink;

namespace {

using Clock = std::chrono::steady_clock;

double Nanoseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::nano>(to - from).count();
}

/// Prints "NAME MEAN P50 P99 MAX" in microseconds.
void Print(const char* name, std::vector<double>& each) {
  double sum = 0.0;
  for (const double one : each) {
    sum += one;
  }
  std::sort(each.begin(), each.end());
  const auto at = [&](double share) {
    return each[static_cast<std::size_t>(share * static_cast<double>(each.size() - 1))] / 1000.0;
  };
  std::printf("%s %.3f %.3f %.3f %.3f\n", name, sum / static_cast<double>(each.size()) / 1000.0, at(0.5), at(0.99), at(1.0));
}

packets::Bytes OscPacket(int index, std::size_t curves) {
  packets::FrameFields fields;
  fields.seq = index;
  fields.capture_us = std::int64_t{index} * 16667;
  fields.fps_num = 60;
  fields.values.assign(curves, static_cast<float>(index % 100) / 100.0f);
  return packets::Frame(fields);
}

packets::Bytes LiveLinkPacket(int index) {
  packets::LiveLinkFields fields;
  fields.frame_number = index;
  fields.values.assign(61, static_cast<float>(index % 100) / 100.0f);
  return packets::LiveLink(fields);
}

/// Times decode + buffer for each packet, and sample + profile for each frame of a 60 fps engine.
template <typename Make>
void Measure(const char* name, int count, Make&& make) {
  Receiver receiver;
  Profile profile;
  profile.Set("JawOpen", CurveSetting{1.2f, 0.0f, 0.0f, 1.0f});
  std::uint32_t compiled = 0;
  std::vector<double> push, sample;
  std::vector<float> values;
  push.reserve(static_cast<std::size_t>(count));
  sample.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const packets::Bytes data = make(i);
    const Micros now = 1'000'000 + std::int64_t{i} * 16667;
    const Clock::time_point start = Clock::now();
    if (receiver.Push(data.data(), data.size(), now) != Verdict::Accepted) {
      std::abort();
    }
    const Clock::time_point pushed = Clock::now();
    Stream& stream = receiver[0];
    if (stream.names_version() != compiled) {
      profile.Compile(stream.names());
      compiled = stream.names_version();
    }
    const Clock::time_point ready = Clock::now();
    stream.Sample(now + 5000, values);
    profile.Apply(values.data());
    const Clock::time_point sampled = Clock::now();
    push.push_back(Nanoseconds(start, pushed));
    sample.push_back(Nanoseconds(ready, sampled));
  }
  Print((std::string(name) + ":push").c_str(), push);
  Print((std::string(name) + ":sample").c_str(), sample);
}

/// Largest resident set so far, in KiB on Linux; 0 where that is not known.
long PeakMemory() {
#if defined(__unix__) || defined(__APPLE__)
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
#else
  return 0;
#endif
}

/// A thousand packets a millisecond: forty subjects with every length of frame, new sessions, names, wild times and
/// lengths that lie. Prints "flood PACKETS SECONDS PEAK_AFTER_A_TENTH PEAK_AT_THE_END".
void Flood(int count) {
  Receiver receiver;
  std::vector<std::string> names;
  for (int i = 0; i < 255; ++i) {
    names.push_back("Curve" + std::to_string(i));
  }
  packets::FrameFields fields;
  long peak = 0;
  double seconds = 0.0;
  for (int i = 0; i < count; ++i) {
    const std::string subject = "Face" + std::to_string(i % 40);
    packets::Bytes data;
    if (i % 97 == 0) {
      const std::vector<std::string> some(names.begin(), names.begin() + 1 + i % 255);
      data = packets::Names(subject, some);
    } else {
      fields.subject = subject;
      fields.session = i % 11 == 0 ? i : 3;
      fields.seq = i % 5 == 0 ? 2147483647 - i : i;
      fields.capture_us = (i % 3 == 0 ? -1 : 1) * std::int64_t{i} * 1000000007;
      fields.values.assign(i % 2 == 0 ? 61 : 1 + static_cast<std::size_t>(i) % 255, 0.5f);
      data = packets::Frame(fields);
    }
    if (i % 13 == 0) {
      data[static_cast<std::size_t>(i) % data.size()] = 0xff;
    }
    const Clock::time_point start = Clock::now();
    receiver.Push(data.data(), data.size(), i / 1000);
    seconds += Nanoseconds(start, Clock::now()) * 1e-9;
    if (i == count / 10) {
      peak = PeakMemory();
    }
  }
  std::printf("flood %d %.3f %ld %ld\n", count, seconds, peak, PeakMemory());
}

}  // namespace

/// Measures the core on one thread. Argument: packets of each kind.
int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 200000;
  Measure("osc-32", count, [](int i) { return OscPacket(i, 32); });
  Measure("osc-61", count, [](int i) { return OscPacket(i, 61); });
  Measure("livelink-61", count, LiveLinkPacket);
  Flood(10 * count);
  return 0;
}
