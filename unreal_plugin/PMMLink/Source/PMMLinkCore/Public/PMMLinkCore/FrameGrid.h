#pragma once

#include <algorithm>
#include <cstdint>

#include "PMMLinkCore/Packet.h"

namespace pmmlink {

/// Times at an exact rational rate, such as 60/1 or 30000/1001: tick k is at k * den / num seconds, with no
/// error that adds up. Sampling a Stream on a grid converts the sender's frame rate into this one.
class FrameGrid {
 public:
  static constexpr std::int64_t kMostAtOnce = 8;  ///< After a pause, older ticks are left out.

  FrameGrid(std::int32_t num, std::int32_t den) : num_(num), den_(den) {}

  /// The time of tick `index`, rounded to the nearest microsecond.
  Micros TimeOf(std::int64_t index) const {
    const std::int64_t period = std::int64_t{den_} * 1'000'000;
    return index / num_ * period + (index % num_ * period + num_ / 2) / num_;
  }

  /// Calls `tick(index, time_us)` for every tick up to and including `now` that was not yet called.
  template <typename Tick>
  void Run(Micros now, Tick&& tick) {
    const std::int64_t last = IndexAt(now);
    if (next_ < 0 || next_ > last + 1) {
      next_ = last;
    }
    next_ = std::max(next_, last + 1 - kMostAtOnce);
    for (; next_ <= last; ++next_) {
      tick(next_, TimeOf(next_));
    }
  }

 private:
  /// The last tick that is not after `now`.
  std::int64_t IndexAt(Micros now) const {
    const std::int64_t period = std::int64_t{den_} * 1'000'000;
    std::int64_t index = now / period * num_ + now % period * num_ / period;
    while (TimeOf(index + 1) <= now) {
      ++index;
    }
    while (TimeOf(index) > now) {
      --index;
    }
    return index;
  }

  std::int32_t num_;
  std::int32_t den_;
  std::int64_t next_ = -1;
};

}  // namespace pmmlink
