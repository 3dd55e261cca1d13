#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "PMMLinkCore/CurveNames.h"

namespace pmmlink {

/// `clamp(gain * value + offset, minimum, maximum)`: what a character wants of one curve.
struct CurveSetting {
  float gain = 1.0f;
  float offset = 0.0f;
  float minimum = 0.0f;
  float maximum = 1.0f;
};

/// A character's settings, applied to the face that a Stream shows. The same arithmetic as
/// pmmlink/retarget/mapping.py: rotations are left alone, and the lips are treated as a pair, because a
/// MetaHuman closes them by LipsTogether = MouthClose / JawOpen. That quotient goes through every gain on the
/// jaw, and MouthClose never exceeds JawOpen.
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
    compiled_.assign(names.size(), Step());
    jaw_ = names.Find("JawOpen");
    close_ = names.Find("MouthClose");
    for (std::size_t i = 0; i < names.size(); ++i) {
      compiled_[i].skip = names.rotation(i);
      for (const std::pair<std::string, CurveSetting>& known : settings_) {
        if (SameCurveName(known.first, names[i])) {
          compiled_[i].setting = known.second;
        }
      }
    }
  }

  /// Changes `values`, which has one value for each name given to Compile().
  void Apply(float* values) const {
    const std::size_t count = compiled_.size();
    const bool lips = jaw_ < count && close_ < count;
    const float together =
        lips ? std::min(std::max(values[close_] / std::max(values[jaw_], kShutJaw), 0.0f), 1.0f) : 0.0f;
    for (std::size_t i = 0; i < count; ++i) {
      if (!compiled_[i].skip) {
        values[i] = Adjusted(values[i], compiled_[i].setting);
      }
    }
    if (lips) {
      values[close_] =
          std::min(Adjusted(together * values[jaw_], compiled_[close_].setting), values[jaw_]);
    }
  }

 private:
  static constexpr float kShutJaw = 1e-3f;  ///< Below this opening the quotient is noise and fades out.

  struct Step {
    CurveSetting setting;
    bool skip = false;
  };

  static float Adjusted(float value, const CurveSetting& setting) {
    return std::min(std::max(setting.gain * value + setting.offset, setting.minimum), setting.maximum);
  }

  std::vector<std::pair<std::string, CurveSetting>> settings_;
  std::vector<Step> compiled_;
  std::size_t jaw_ = 0;
  std::size_t close_ = 0;
};

}  // namespace pmmlink
