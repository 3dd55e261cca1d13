#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "PMMLinkCore/Packet.h"

namespace pmmlink {

/// What a subject has received since it appeared.
struct Counters {
  std::array<std::uint64_t, kVerdictCount> verdicts{};  ///< Indexed by Verdict.
  std::uint64_t reordered = 0;  ///< Came after a frame with a higher number.
  std::uint64_t overflow = 0;   ///< Shown early because the buffer was full.
  std::int64_t lost = 0;        ///< Gaps in the numbering of all sessions.
  std::uint64_t sessions = 0;

  std::uint64_t Count(Verdict verdict) const { return verdicts[static_cast<std::size_t>(verdict)]; }
  void Add(Verdict verdict) { ++verdicts[static_cast<std::size_t>(verdict)]; }
};

/// Frame rate, loss and jitter of the last two seconds, from the arrivals of the last 64 or fewer frames.
class RecentArrivals {
 public:
  static constexpr std::size_t kKept = 64;
  static constexpr Micros kSpan = 2'000'000;

  void Reset() { *this = RecentArrivals(); }

  void Add(Micros now, std::int64_t seq, Micros delay) {
    if (count_ > 0) {
      // Interarrival jitter as RTP defines it (RFC 3550, section 6.4.1).
      const double change = std::fabs(static_cast<double>(delay - last_delay_));
      jitter_us_ += (change - jitter_us_) / 16.0;
    }
    last_delay_ = delay;
    ring_[count_ % kKept] = Arrival{now, seq};
    ++count_;
  }

  /// Frames a second; 0 when fewer than two arrived lately.
  double Fps(Micros now) const {
    const Range range = Lately(now);
    const Micros span = range.last_us - range.first_us;
    return range.frames > 1 && span > 0 ? static_cast<double>(range.frames - 1) * 1e6 / static_cast<double>(span) : 0.0;
  }

  /// Share of frames that did not come, 0..1, of a sender that numbers them.
  double Loss(Micros now) const {
    const Range range = Lately(now);
    if (range.frames == 0) {
      return 0.0;
    }
    const double sent = static_cast<double>(range.highest - range.lowest + 1);
    return std::max(0.0, 1.0 - static_cast<double>(range.frames) / sent);
  }

  double JitterMs() const { return jitter_us_ / 1000.0; }

 private:
  struct Arrival {
    Micros at;
    std::int64_t seq;
  };
  struct Range {
    std::size_t frames = 0;
    Micros first_us = 0;
    Micros last_us = 0;
    std::int64_t lowest = 0;
    std::int64_t highest = 0;
  };

  Range Lately(Micros now) const {
    Range range;
    const std::size_t kept = std::min(count_, kKept);
    for (std::size_t i = 0; i < kept; ++i) {
      const Arrival& arrival = ring_[(count_ - 1 - i) % kKept];
      if (now - arrival.at > kSpan) {
        break;
      }
      if (range.frames == 0) {
        range.last_us = arrival.at;
        range.lowest = range.highest = arrival.seq;
      }
      range.first_us = arrival.at;
      range.lowest = std::min(range.lowest, arrival.seq);
      range.highest = std::max(range.highest, arrival.seq);
      ++range.frames;
    }
    return range;
  }

  std::array<Arrival, kKept> ring_{};
  std::size_t count_ = 0;
  Micros last_delay_ = 0;
  double jitter_us_ = 0.0;
};

}  // namespace pmmlink
