#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include "PMMLinkCore/CurveNames.h"
#include "PMMLinkCore/CurveTable.h"

namespace pmmlink {

/// MouthClose tied to JawOpen, so that lips which were closed stay closed whatever a profile does; the same
/// arithmetic as pmmlink/retarget/lip_tie.py.
///
/// A MetaHuman closes its lips by LipsTogether = MouthClose / JawOpen. The quotient is taken from the face as it came
/// and carried over to the new jaw; MouthClose's own gain g bends it to 1 - (1 - LipsTogether)^g. Where the lips
/// touched, curves that part them are held back by as much as the new face would open further.
class LipTie {
 public:
  /// What the lips of a face do.
  struct Lips {
    float together;  ///< LipsTogether, 0..1.
    float gap_mm;    ///< Above touching.
  };

  /// Prepares for faces with these names. Does nothing for those without JawOpen and MouthClose.
  void Compile(const CurveNames& names, float close_gain) {
    gain_ = close_gain;
    jaw_ = names.Find("JawOpen");
    close_ = names.Find("MouthClose");
    active_ = jaw_ < names.size() && close_ < names.size();
    mm_.assign(names.size(), 0.0f);
    for (const CurveInfo& curve : kCurves) {
      const std::size_t at = names.Find(curve.name);
      if (at < names.size()) {
        mm_[at] = curve.lip_gap_mm;
      }
    }
    parting_.clear();
    for (const std::string_view name : kParting) {
      const std::size_t at = names.Find(name);
      if (at < names.size()) {
        parting_.push_back(at);
      }
    }
  }

  Lips Observe(const float* face) const {
    if (!active_) {
      return Lips{0.0f, 0.0f};
    }
    const float gap_mm = std::max(Gap(face) - kRoundingMm, 0.0f);
    const float quotient = std::min(std::max(face[close_] / std::max(face[jaw_], kShutJaw), 0.0f), 1.0f);
    return Lips{std::max(quotient, 1.0f - gap_mm / kTouchMm), gap_mm};
  }

  /// Sets MouthClose of a changed face, and holds back what parts its lips.
  void Apply(float* face, const Lips& before) const {
    if (!active_) {
      return;
    }
    face[close_] = std::min(1.0f - std::pow(1.0f - before.together, gain_), 1.0f) * face[jaw_];
    const float excess = std::max(Gap(face) - before.gap_mm, 0.0f);
    float parting = 0.0f;
    for (const std::size_t at : parting_) {
      parting += face[at] * mm_[at];
    }
    const float share = std::min(std::max(excess / std::max(parting, 1e-6f), 0.0f), 1.0f);
    const float hold = share * std::min(std::max(1.0f - before.gap_mm / kHoldMm, 0.0f), 1.0f);
    for (const std::size_t at : parting_) {
      face[at] *= 1.0f - hold;
    }
  }

 private:
  static constexpr float kShutJaw = 1e-3f;  ///< Below this opening the quotient is noise and fades out.
  static constexpr float kRoundingMm = 1e-3f;  ///< What rounding leaves of the gap of closed lips.
  static constexpr float kTouchMm = 0.25f;  ///< Lips this far from touching are no longer taken for closed.
  static constexpr float kHoldMm = 1.0f;    ///< Curves that part the lips are free again at this gap.
  static constexpr std::array<std::string_view, 6> kParting = {"MouthFunnel",         "MouthShrugUpper",
                                                               "MouthLowerDownLeft",  "MouthLowerDownRight",
                                                               "MouthUpperUpLeft",    "MouthUpperUpRight"};

  float Gap(const float* face) const {
    float gap = 0.0f;
    for (std::size_t i = 0; i < mm_.size(); ++i) {
      gap += face[i] * mm_[i];
    }
    return gap;
  }

  bool active_ = false;
  float gain_ = 1.0f;
  std::size_t jaw_ = 0;
  std::size_t close_ = 0;
  std::vector<float> mm_;
  std::vector<std::size_t> parting_;
};

}  // namespace pmmlink
