#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "PMMLinkCore/Packet.h"

namespace pmmlink {

/// Frames of one stream that wait for their time, ordered by sequence number.
/// All memory is taken by Reset(); afterwards nothing is allocated.
class JitterBuffer {
 public:
  static constexpr std::size_t kCapacity = 256;  ///< 8.5 s at 30 fps: never full in normal use.

  struct Entry {
    std::int64_t seq;
    Micros capture_us;
    Micros period_us;  ///< Duration of one frame at the sender's frame rate.
    std::size_t slot;
  };

  /// Empties the buffer and makes room for frames of `curves` values.
  void Reset(std::size_t curves) {
    curves_ = curves;
    values_.resize(kSlots * curves);
    entries_.resize(kSlots);
    for (std::size_t i = 0; i < kSlots; ++i) {
      entries_[i].slot = i;
    }
    Clear();
  }

  void Clear() { size_ = 0; }

  bool empty() const { return size_ == 0; }
  bool overfull() const { return size_ > kCapacity; }
  std::size_t size() const { return size_; }

  /// The frame at `position`, 0 having the lowest number.
  const Entry& operator[](std::size_t position) const { return entries_[Ring(position)]; }
  const float* Values(const Entry& entry) const { return values_.data() + entry.slot * curves_; }

  /// Inserts a frame into a buffer that is not overfull() and returns where its values belong.
  float* Insert(std::int64_t seq, Micros capture_us, Micros period_us) {
    const std::size_t slot = entries_[Ring(size_)].slot;
    std::size_t at = size_;
    for (; at > 0 && (*this)[at - 1].seq > seq; --at) {
      entries_[Ring(at)] = (*this)[at - 1];
    }
    entries_[Ring(at)] = Entry{seq, capture_us, period_us, slot};
    ++size_;
    return values_.data() + slot * curves_;
  }

  /// Lets go of the `count` frames with the lowest numbers.
  void Drop(std::size_t count) {
    first_ = Ring(count);
    size_ -= count;
  }

 private:
  static constexpr std::size_t kSlots = kCapacity + 1;  ///< One more, to see which frame is one too many.

  std::size_t Ring(std::size_t position) const { return (first_ + position) % kSlots; }

  std::size_t curves_ = 0;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::vector<Entry> entries_;
  std::vector<float> values_;
};

}  // namespace pmmlink
