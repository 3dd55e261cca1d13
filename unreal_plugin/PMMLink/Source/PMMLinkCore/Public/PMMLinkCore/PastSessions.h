#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pmmlink {

/// Sessions of a subject that are over: replaced by a newer one, or ended with a bye. The last 64 of each.
class PastSessions {
 public:
  bool Replaced(std::int32_t session) const { return Contains(replaced_, session); }
  bool Departed(std::int32_t session) const { return Contains(departed_, session); }

  void Replace(std::int32_t session) { Remember(replaced_, session); }
  void Depart(std::int32_t session) { Remember(departed_, session); }

 private:
  static constexpr std::size_t kRemembered = 64;

  static bool Contains(const std::vector<std::int32_t>& sessions, std::int32_t session) {
    return std::find(sessions.begin(), sessions.end(), session) != sessions.end();
  }

  static void Remember(std::vector<std::int32_t>& sessions, std::int32_t session) {
    sessions.insert(sessions.begin(), session);
    sessions.resize(std::min(sessions.size(), kRemembered));
  }

  std::vector<std::int32_t> replaced_;  ///< The latest first.
  std::vector<std::int32_t> departed_;
};

}  // namespace pmmlink
