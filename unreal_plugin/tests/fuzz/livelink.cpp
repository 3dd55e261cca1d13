#include <cstdlib>

#include "PMMLinkCore/LiveLinkFace.h"

/// Whatever the bytes, the Live Link Face decoder stays inside them, and what it accepts keeps its promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pmmlink::LiveLinkFaceView packet;
  if (!pmmlink::DecodeLiveLinkFace(data, size, packet)) {
    return 0;
  }
  if (!pmmlink::ValidSubject(packet.subject) || packet.capture_us < 0 ||
      packet.capture_us > pmmlink::kMaxCapture) {
    std::abort();
  }
  if (packet.values != nullptr) {
    float sum = 0.0f;
    for (std::size_t i = 0; i < pmmlink::kLiveLinkCount; ++i) {
      sum += pmmlink::LoadF32(packet.values + 4 * i);
    }
    static volatile float sink;
    sink = sum;
  }
  return 0;
}
