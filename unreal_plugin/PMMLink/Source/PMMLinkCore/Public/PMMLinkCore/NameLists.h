#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "PMMLinkCore/CurveNames.h"
#include "PMMLinkCore/Packet.h"

namespace pmmlink {

/// Finds the names of a frame's values by their count, so that two senders with different sets do not mix them up.
class NameLists {
 public:
  /// Takes a sender's list; it goes before the standard one of the same length.
  void Learn(const NamesView& names) {
    const auto end = names.names.begin() + static_cast<std::ptrdiff_t>(names.count);
    const CurveNamesPtr known = Find(names.count);
    if (known != nullptr && std::equal(names.names.begin(), end, known->list().begin())) {
      return;
    }
    const auto old = FindSent(names.count);
    if (old != sent_.end()) {
      sent_.erase(old);
    }
    sent_.insert(sent_.begin(),
                 std::make_shared<const CurveNames>(std::vector<std::string>(names.names.begin(), end)));
    sent_.resize(std::min(sent_.size(), kMost));
  }

  /// The sender's list of this length, else the standard one, else nullptr.
  CurveNamesPtr Find(std::size_t count) const {
    const auto sent = FindSent(count);
    return sent == sent_.end() ? StandardNames(count) : *sent;
  }

 private:
  static constexpr std::size_t kMost = 16;

  std::vector<CurveNamesPtr>::const_iterator FindSent(std::size_t count) const {
    return std::find_if(sent_.begin(), sent_.end(), [&](const CurveNamesPtr& list) { return list->size() == count; });
  }

  std::vector<CurveNamesPtr> sent_;  ///< Of different lengths, the latest first.
};

}  // namespace pmmlink
