#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "PMMLinkCore/Receiver.h"
#include "PMMLinkCore/Stream.h"

namespace pmmlink {

/// One line for people: "receiving 30.0 fps, loss 0.1 %", "stale for 3 s", "ended", "waiting".
inline std::string StatusText(const Stream& stream, Micros now) {
  if (stream.ended()) {
    return "ended";
  }
  char text[64] = "waiting";
  switch (stream.State(now)) {
    case StreamState::Waiting:
      break;
    case StreamState::Live:
      if (stream.numbered()) {
        std::snprintf(text, sizeof text, "receiving %.1f fps, loss %.1f %%", stream.recent().Fps(now),
                      stream.recent().Loss(now) * 100.0);
      } else {
        std::snprintf(text, sizeof text, "receiving %.1f fps", stream.recent().Fps(now));
      }
      break;
    case StreamState::Easing:
    case StreamState::Neutral:
      std::snprintf(text, sizeof text, "stale for %lld s", static_cast<long long>(stream.Silence(now) / 1'000'000));
      break;
  }
  return text;
}

/// The same for everything on a port: the subject's line when there is one, else how many are alive.
inline std::string StatusText(const Receiver& receiver, Micros now) {
  if (receiver.size() == 1) {
    return StatusText(receiver[0], now);
  }
  std::size_t alive = 0;
  for (std::size_t i = 0; i < receiver.size(); ++i) {
    alive += receiver[i].State(now) == StreamState::Live ? 1u : 0u;
  }
  char text[64] = "waiting";
  if (receiver.size() > 1) {
    std::snprintf(text, sizeof text, "receiving %zu of %zu subjects", alive, receiver.size());
  }
  return text;
}

}  // namespace pmmlink
