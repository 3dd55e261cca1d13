#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "PMMLinkCore/CurveNames.h"
#include "PMMLinkCore/Packet.h"

namespace pmmlink {

/// A frame that was checked and clamped.
struct BufferedFrame {
  std::int64_t seq = 0;
  Micros capture_us = 0;
  Micros period_us = 0;       ///< Duration of one frame at the sender's frame rate.
  CurveNamesPtr names;        ///< Of the values.
  std::vector<float> values;  ///< Its memory is used again for later frames.
};

/// Frames of one stream that wait for their time, ordered by sequence number. Bounded; once every place has
/// been used, nothing is allocated.
class JitterBuffer {
 public:
  static constexpr std::size_t kCapacity = 256;  ///< 8.5 s at 30 fps: never full in normal use.

  void Clear() { size_ = 0; }

  bool empty() const { return size_ == 0; }
  bool overfull() const { return size_ > kCapacity; }
  std::size_t size() const { return size_; }

  /// The frame at `position`, 0 having the lowest number.
  const BufferedFrame& operator[](std::size_t position) const { return frames_[order_[Ring(position)]]; }

  /// Makes room for a frame in a buffer that is not overfull(), and returns it to be filled in.
  BufferedFrame& Insert(std::int64_t seq) {
    if (size_ == made_) {
      order_[Ring(size_)] = made_++;
      frames_.emplace_back();
    }
    const std::size_t frame = order_[Ring(size_)];
    std::size_t at = size_;
    for (; at > 0 && (*this)[at - 1].seq > seq; --at) {
      order_[Ring(at)] = order_[Ring(at - 1)];
    }
    order_[Ring(at)] = frame;
    ++size_;
    frames_[frame].seq = seq;
    return frames_[frame];
  }

  /// Lets go of the `count` frames with the lowest numbers.
  void Drop(std::size_t count) {
    // Their places go to the back, to be used again.
    for (; count > 0; --count, --size_) {
      const std::size_t freed = order_[first_];
      first_ = Ring(1);
      order_[Ring(made_ - 1)] = freed;
    }
  }

 private:
  static constexpr std::size_t kPlaces = kCapacity + 1;  ///< One more, to see which frame is one too many.

  std::size_t Ring(std::size_t position) const { return (first_ + position) % kPlaces; }

  std::array<std::size_t, kPlaces> order_{};  ///< Indices of frames_: first those that wait, then those that are free.
  std::vector<BufferedFrame> frames_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t made_ = 0;  ///< Places that have been used at least once.
};

}  // namespace pmmlink
