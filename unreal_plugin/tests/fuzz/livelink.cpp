#include <cmath>
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
    pmmlink::FrameView frame;
    frame.values = packet.values;
    frame.count = pmmlink::kLiveLinkCount;
    bool finite = true;
    for (std::size_t i = 0; i < frame.count; ++i) {
      finite = finite && std::isfinite(frame.Value(i));
    }
    if (finite != frame.Finite()) {
      std::abort();
    }
  }
  return 0;
}
