#include <cmath>
#include <cstdlib>

#include "PMMLinkCore/OscPackets.h"

/// Whatever the bytes, the OSC decoders stay inside them, and what they accept keeps its promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pmmlink::OscMessage message;
  if (!pmmlink::DecodeOsc(data, size, message)) {
    return 0;
  }
  pmmlink::FrameView frame;
  if (pmmlink::DecodeFrame(message, frame)) {
    bool finite = true;
    for (std::size_t i = 0; i < frame.count; ++i) {
      finite = finite && std::isfinite(frame.Value(i));
    }
    if (finite != frame.Finite() || frame.count == 0 || frame.seq < 0 || frame.fps_den <= 0) {
      std::abort();
    }
  }
  pmmlink::NamesView names;
  if (pmmlink::DecodeNames(message, names)) {
    for (std::size_t i = 0; i < names.count; ++i) {
      if (!pmmlink::ValidCurveName(names.names[i])) {
        std::abort();
      }
    }
  }
  pmmlink::ByeView bye;
  if (pmmlink::DecodeBye(message, bye) && !pmmlink::ValidSubject(bye.subject)) {
    std::abort();
  }
  return 0;
}
