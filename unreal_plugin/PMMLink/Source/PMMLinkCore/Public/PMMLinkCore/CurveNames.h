#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "PMMLinkCore/CurveTable.h"
#include "PMMLinkCore/Text.h"

namespace pmmlink {

/// Whether a curve is an angle. Names that are not in the table are blendshapes.
inline bool IsRotation(std::string_view name) {
  return std::any_of(kCurves.begin(), kCurves.end(),
                     [&](const CurveInfo& curve) { return curve.is_rotation && SameCurveName(curve.name, name); });
}

/// The names of a frame's values in order, and which of them are angles. Never changes once made.
class CurveNames {
 public:
  explicit CurveNames(std::vector<std::string> names) : names_(std::move(names)) {
    for (const std::string& name : names_) {
      rotation_.push_back(IsRotation(name));
    }
  }

  std::size_t size() const { return names_.size(); }
  const std::string& operator[](std::size_t index) const { return names_[index]; }
  bool rotation(std::size_t index) const { return rotation_[index]; }
  const std::vector<std::string>& list() const { return names_; }

  /// The position of a name, without regard to case; size() when it is not there.
  std::size_t Find(std::string_view name) const {
    const auto at = std::find_if(names_.begin(), names_.end(),
                                 [&](const std::string& known) { return SameCurveName(known, name); });
    return static_cast<std::size_t>(at - names_.begin());
  }

 private:
  std::vector<std::string> names_;
  std::vector<bool> rotation_;
};

using CurveNamesPtr = std::shared_ptr<const CurveNames>;

/// The names that a frame of so many values has when nobody said otherwise: 32, 52 or 61; else nullptr.
inline const CurveNamesPtr& StandardNames(std::size_t count) {
  static const auto pick = [](auto&& wanted) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kCurves.size(); ++i) {
      if (wanted(i)) {
        names.emplace_back(kCurves[i].name);
      }
    }
    return std::make_shared<const CurveNames>(std::move(names));
  };
  static const CurveNamesPtr model = pick([](std::size_t i) { return kCurves[i].in_model; });
  static const CurveNamesPtr arkit = pick([](std::size_t i) { return i < kArkitCount; });
  static const CurveNamesPtr livelink = pick([](std::size_t) { return true; });
  static const CurveNamesPtr none;
  return count == kModelCount ? model : count == kArkitCount ? arkit : count == kLiveLinkCount ? livelink : none;
}

}  // namespace pmmlink
