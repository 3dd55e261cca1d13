#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "PMMLinkCore/CurveTable.h"
#include "PMMLinkCore/Text.h"

namespace pmmlink {

using CurveNames = std::vector<std::string>;

/// Whether a curve is an angle. Names that are not in the table are blendshapes.
inline bool IsRotation(std::string_view name) {
  return std::any_of(kCurves.begin(), kCurves.end(),
                     [&](const CurveInfo& curve) { return curve.is_rotation && SameCurveName(curve.name, name); });
}

/// The names that a frame of so many values has when nobody said otherwise: 32, 52 or 61; else nullptr.
inline const CurveNames* StandardNames(std::size_t count) {
  static const auto pick = [](auto&& wanted) {
    CurveNames names;
    for (std::size_t i = 0; i < kCurves.size(); ++i) {
      if (wanted(i)) {
        names.emplace_back(kCurves[i].name);
      }
    }
    return names;
  };
  static const CurveNames model = pick([](std::size_t i) { return kCurves[i].in_model; });
  static const CurveNames arkit = pick([](std::size_t i) { return i < kArkitCount; });
  static const CurveNames livelink = pick([](std::size_t) { return true; });
  return count == kModelCount ? &model : count == kArkitCount ? &arkit : count == kLiveLinkCount ? &livelink : nullptr;
}

}  // namespace pmmlink
