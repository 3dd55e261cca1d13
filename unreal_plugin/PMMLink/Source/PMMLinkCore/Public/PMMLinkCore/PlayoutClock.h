#pragma once

#include <algorithm>

#include "PMMLinkCore/Packet.h"

namespace pmmlink {

/// Finds when a capture time would arrive on the local clock if nothing held it up.
///
/// The delay of a frame is its arrival minus its capture time: an unknown offset between two clocks plus the
/// time under way. Its minimum over the last two to four seconds stands for the fastest packets. Because old
/// delays are forgotten, a sender whose clock runs fast or slow is followed for any number of hours.
class PlayoutClock {
 public:
  static constexpr Micros kWindow = 2'000'000;

  void Reset() { started_ = false; }

  /// Takes the delay of one more frame into account.
  void Observe(Micros delay, Micros now) {
    if (!started_) {
      started_ = true;
      current_ = previous_ = delay;
      window_start_ = now;
    } else if (now - window_start_ > kWindow) {
      previous_ = current_;
      current_ = delay;
      window_start_ = now;
    } else {
      current_ = std::min(current_, delay);
    }
  }

  Micros Arrival(Micros capture_us) const { return capture_us + std::min(current_, previous_); }

 private:
  bool started_ = false;
  Micros current_ = 0;
  Micros previous_ = 0;
  Micros window_start_ = 0;
};

}  // namespace pmmlink
