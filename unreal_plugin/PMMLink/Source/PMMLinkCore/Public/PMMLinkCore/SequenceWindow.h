#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace pmmlink {

/// Which frames of a session have come: order, duplicates, gaps.
///
/// The last 1024 numbers are remembered, in a ring: they need not be consecutive, since those of Live Link
/// Face are times. The usual number is higher than all before and costs one comparison.
class SequenceWindow {
 public:
  static constexpr std::size_t kWidth = 1024;

  void Reset() { *this = SequenceWindow(); }

  bool Seen(std::int64_t seq) const {
    if (distinct_ == 0 || seq > highest_) {
      return false;
    }
    const std::size_t kept = std::min(noted_, kWidth);
    return std::find(recent_.begin(), recent_.begin() + static_cast<std::ptrdiff_t>(kept), seq) !=
           recent_.begin() + static_cast<std::ptrdiff_t>(kept);
  }

  /// Takes note of a number that was not Seen(). True when a higher one came before it.
  bool Record(std::int64_t seq) {
    if (seq <= forgotten_) {
      return true;  // Too old to be told from a duplicate: it stays lost.
    }
    std::int64_t& place = recent_[noted_ % kWidth];
    forgotten_ = noted_ < kWidth ? forgotten_ : std::max(forgotten_, place);
    place = seq;
    ++noted_;
    const bool reordered = distinct_ > 0 && seq < highest_;
    lowest_ = distinct_ > 0 ? std::min(lowest_, seq) : seq;
    highest_ = distinct_ > 0 ? std::max(highest_, seq) : seq;
    ++distinct_;
    return reordered;
  }

  /// Numbers between the lowest and the highest that never came.
  std::int64_t lost() const { return distinct_ > 0 ? highest_ - lowest_ + 1 - distinct_ : 0; }

 private:
  std::array<std::int64_t, kWidth> recent_{};
  std::size_t noted_ = 0;
  std::int64_t forgotten_ = -1;  ///< The highest number that is no longer remembered.
  std::int64_t lowest_ = 0;
  std::int64_t highest_ = 0;
  std::int64_t distinct_ = 0;
};

}  // namespace pmmlink
