#pragma once

#include <string>
#include <vector>

#include "PMMLinkCore/Receiver.h"
#include "Packets.h"

/// A receiver with one subject "Face", driven by explicit times in milliseconds.
class Scene {
 public:
  explicit Scene(int buffer_ms = 0, bool smooth = false) {
    config.buffer_us = buffer_ms * pmmlink::Micros{1000};
    config.smooth = smooth;
    receiver.SetConfig(config);
  }

  static pmmlink::Micros Us(double ms) { return static_cast<pmmlink::Micros>(ms * 1000.0 + 0.5); }

  /// A frame of 32 equal values whose capture time is that of its number at 30 fps.
  pmmlink::Verdict Frame(double at_ms, int session, int seq, float value) {
    return Frame(at_ms, session, seq, value, seq * 1000.0 / 30.0);
  }

  pmmlink::Verdict Frame(double at_ms, int session, int seq, float value, double capture_ms) {
    packets::FrameFields fields;
    fields.session = session;
    fields.seq = seq;
    fields.capture_us = Us(capture_ms);
    fields.values.assign(32, value);
    return Push(at_ms, packets::Frame(fields));
  }

  pmmlink::Verdict Bye(double at_ms, int session) { return Push(at_ms, packets::Bye("Face", session)); }

  pmmlink::Verdict Push(double at_ms, const packets::Bytes& data) {
    return receiver.Push(data.data(), data.size(), Us(at_ms));
  }

  /// The first value of the face at a time; `shown` tells the rest.
  float Face(double at_ms) {
    pmmlink::Stream* const stream = receiver.Find("Face");
    if (stream == nullptr) {
      return 0.0f;
    }
    shown = stream->Sample(Us(at_ms), values);
    return values.empty() ? 0.0f : values[0];
  }

  pmmlink::StreamState State(double at_ms) {
    Face(at_ms);
    return shown.state;
  }

  pmmlink::Stream& stream() { return *receiver.Find("Face"); }

  pmmlink::StreamConfig config;
  pmmlink::Receiver receiver;
  pmmlink::Shown shown;
  std::vector<float> values;
};
