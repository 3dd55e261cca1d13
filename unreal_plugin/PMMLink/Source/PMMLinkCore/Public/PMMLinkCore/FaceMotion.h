#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "PMMLinkCore/CurveNames.h"
#include "PMMLinkCore/Packet.h"

namespace pmmlink {

/// The face between frames: on the straight way from where it was to the frame that is shown.
class FaceMotion {
 public:
  const CurveNames& names() const { return *names_; }
  std::uint32_t names_version() const { return names_version_; }  ///< Grows when names() changes.

  /// Whether there has been a frame to move to.
  bool started() const { return started_; }

  /// When the last move began.
  Micros since() const { return since_; }

  /// Begins the move to a frame at `since`; it takes `duration_us`. Curves that go on keep what they show.
  void MoveTo(const CurveNamesPtr& names, const std::vector<float>& values, Micros since, Micros duration_us) {
    Pose(since, from_);
    UseNames(names);
    to_ = values;
    started_ = true;
    since_ = since;
    duration_us_ = duration_us;
  }

  /// Makes a face the one to stay at, without a move.
  void StayAt(const std::vector<float>& values) { from_ = to_ = values; }

  /// Makes `values` the face at `now`. A time before the last move counts as its beginning.
  void Pose(Micros now, std::vector<float>& values) const {
    const Micros gone = std::max(Micros{0}, now - since_);
    values.resize(to_.size());
    if (gone >= duration_us_) {
      std::copy(to_.begin(), to_.end(), values.begin());
      return;
    }
    const float way = static_cast<float>(static_cast<double>(gone) / static_cast<double>(duration_us_));
    for (std::size_t i = 0; i < to_.size(); ++i) {
      values[i] = from_[i] * (1.0f - way) + to_[i] * way;
    }
  }

 private:
  void UseNames(const CurveNamesPtr& names) {
    if (names_ == names) {
      return;
    }
    std::vector<float> from(names->size(), 0.0f);
    for (std::size_t i = 0; i < names->size(); ++i) {
      const std::size_t old = names_->Find((*names)[i]);
      from[i] = old < names_->size() ? from_[old] : 0.0f;
    }
    from_.swap(from);
    names_version_ += names_->list() == names->list() ? 0u : 1u;
    names_ = names;
  }

  CurveNamesPtr names_ = std::make_shared<const CurveNames>(std::vector<std::string>());
  std::uint32_t names_version_ = 0;
  bool started_ = false;
  Micros since_ = 0;
  Micros duration_us_ = 0;
  std::vector<float> from_;  ///< The face when the move began,
  std::vector<float> to_;    ///< and where it goes.
};

}  // namespace pmmlink
