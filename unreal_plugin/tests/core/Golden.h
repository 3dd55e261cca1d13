#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "Packets.h"

namespace packets {

/// One of the datagrams in tests/golden/; empty when the file is not there.
inline Bytes Golden(const char* name) {
  Bytes out;
  if (std::FILE* const file = std::fopen((std::string(PMMLINK_GOLDEN "/") + name).c_str(), "rb")) {
    std::uint8_t block[4096];
    for (std::size_t got; (got = std::fread(block, 1, sizeof block, file)) > 0;) {
      out.insert(out.end(), block, block + got);
    }
    std::fclose(file);
  }
  return out;
}

}  // namespace packets
