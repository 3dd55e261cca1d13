#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "PMMLinkCore/Profile.h"

using namespace pmmlink;

/// Applies profiles to faces of 61 curves. Lines: "clear"; "set NAME GAIN OFFSET MIN MAX EXPONENT"; "apply VALUE..."
/// prints the face that comes of it.
int main() {
  Profile profile;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string word, name;
    words >> word;
    if (word == "clear") {
      profile = Profile();
    } else if (word == "set") {
      CurveSetting setting;
      words >> name >> setting.gain >> setting.offset >> setting.minimum >> setting.maximum >> setting.exponent;
      profile.Set(name, setting);
    } else if (word == "apply") {
      std::vector<float> face;
      for (float value; words >> value;) {
        face.push_back(value);
      }
      if (face.size() != kLiveLinkCount) {
        std::fprintf(stderr, "pmmlink_profile: %zu values\n", face.size());
        return 1;
      }
      profile.Compile(*StandardNames(kLiveLinkCount));
      profile.Apply(face.data());
      for (const float value : face) {
        std::printf("%.9g ", static_cast<double>(value));
      }
      std::printf("\n");
    }
  }
  return 0;
}
