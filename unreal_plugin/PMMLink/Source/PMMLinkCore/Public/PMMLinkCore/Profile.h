#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "PMMLinkCore/CurveNames.h"
#include "PMMLinkCore/LipTie.h"

namespace pmmlink {

/// `clamp(gain * value ^ exponent + offset, minimum, maximum)`: what a character wants of one curve.
struct CurveSetting {
  float gain = 1.0f;
  float offset = 0.0f;
  float minimum = 0.0f;
  float maximum = 1.0f;
  float exponent = 1.0f;
};

/// A character's settings, applied to the face that a Stream shows: the part of a pmmlink profile that belongs to
/// the character rather than to the voice, with the arithmetic of pmmlink/retarget. Angles are left alone. A
/// profile without settings changes nothing.
class Profile {
 public:
  /// Sets what a curve is to become. Names are compared without regard to case.
  void Set(std::string_view curve, const CurveSetting& setting) {
    for (std::pair<std::string, CurveSetting>& known : settings_) {
      if (SameCurveName(known.first, curve)) {
        known.second = setting;
        return;
      }
    }
    settings_.emplace_back(curve, setting);
  }

  bool empty() const { return settings_.empty(); }

  /// Prepares Apply() for faces with these names.
  void Compile(const CurveNames& names) {
    steps_.assign(names.size(), Step());
    float close_gain = 1.0f;
    for (std::size_t i = 0; i < names.size(); ++i) {
      steps_[i].skip = names.rotation(i);
      for (const std::pair<std::string, CurveSetting>& known : settings_) {
        if (SameCurveName(known.first, names[i])) {
          steps_[i].setting = known.second;
        }
      }
      close_gain = SameCurveName(names[i], "MouthClose") ? steps_[i].setting.gain : close_gain;
    }
    lips_.Compile(names, close_gain);
  }

  /// Changes `values`, which has one value for each name given to Compile().
  void Apply(float* values) const {
    if (empty()) {
      return;
    }
    const LipTie::Lips before = lips_.Observe(values);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!steps_[i].skip) {
        values[i] = Adjusted(values[i], steps_[i].setting);
      }
    }
    lips_.Apply(values, before);
  }

 private:
  struct Step {
    CurveSetting setting;
    bool skip = false;
  };

  static float Adjusted(float value, const CurveSetting& setting) {
    const float bent = setting.exponent == 1.0f ? value : std::pow(std::max(value, 0.0f), setting.exponent);
    return std::min(std::max(setting.gain * bent + setting.offset, setting.minimum), setting.maximum);
  }

  std::vector<std::pair<std::string, CurveSetting>> settings_;
  std::vector<Step> steps_;
  LipTie lips_;
};

}  // namespace pmmlink
