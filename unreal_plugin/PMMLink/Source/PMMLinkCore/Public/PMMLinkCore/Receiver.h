#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "PMMLinkCore/LiveLinkFace.h"
#include "PMMLinkCore/OscPackets.h"
#include "PMMLinkCore/Packet.h"
#include "PMMLinkCore/Stream.h"

namespace pmmlink {

enum class EventKind : std::uint8_t {
  SubjectAdded,
  SubjectRemoved,  ///< Made room for a new one after long silence.
  NamesChanged,
  SessionStarted,
  TakenOver,  ///< A second sender replaced one that was alive.
  Ended,      ///< The sender said bye.
};

struct Event {
  EventKind kind;
  std::string subject;
};

/// Everything that arrives on one port: tells the formats apart, and the subjects.
///
/// Datagrams are hostile until proved otherwise. Memory is bounded by kMaxSubjects streams of fixed size
/// and kMaxEvents waiting events, whatever comes in. Not thread-safe.
class Receiver {
 public:
  static constexpr std::size_t kMaxSubjects = 16;
  static constexpr std::size_t kMaxEvents = 64;
  static constexpr Micros kForget = 10'000'000;  ///< A subject this long silent may make room for another.

  explicit Receiver(const StreamConfig& config = StreamConfig()) : config_(config) {}

  /// Takes one datagram that arrived at `now`.
  Verdict Push(const std::uint8_t* data, std::size_t size, Micros now) {
    const Verdict verdict = size > 0 && data[0] == kLiveLinkVersion ? PushLiveLinkFace(data, size, now)
                                                                    : PushOsc(data, size, now);
    totals_.Add(verdict);
    return verdict;
  }

  std::size_t size() const { return streams_.size(); }
  Stream& operator[](std::size_t index) { return *streams_[index]; }
  const Stream& operator[](std::size_t index) const { return *streams_[index]; }

  /// The stream of a subject, or nullptr.
  Stream* Find(std::string_view subject) {
    for (const std::unique_ptr<Stream>& stream : streams_) {
      if (stream->subject() == subject) {
        return stream.get();
      }
    }
    return nullptr;
  }

  /// Every datagram's verdict, also of those that named no subject.
  const Counters& totals() const { return totals_; }

  /// The events since the last call, oldest first. Those beyond kMaxEvents are only counted.
  std::vector<Event> TakeEvents() { return std::exchange(events_, {}); }
  std::uint64_t events_dropped() const { return events_dropped_; }

  /// Applies to present and future subjects.
  void SetConfig(const StreamConfig& config) {
    config_ = config;
    for (const std::unique_ptr<Stream>& stream : streams_) {
      stream->config() = config;
    }
  }

 private:
  Verdict PushLiveLinkFace(const std::uint8_t* data, std::size_t size, Micros now) {
    LiveLinkFaceView packet;
    if (!DecodeLiveLinkFace(data, size, packet)) {
      return Verdict::Malformed;
    }
    if (packet.values == nullptr) {
      return Verdict::NoFace;
    }
    FrameView frame;
    frame.subject = packet.subject;
    frame.seq = packet.capture_us;  // The app may number sixtieths at thirty frames: only the order is certain.
    frame.numbered = false;
    frame.capture_us = packet.capture_us;
    frame.fps_num = packet.fps_num;
    frame.fps_den = packet.fps_den;
    frame.values = packet.values;
    frame.count = kLiveLinkCount;
    if (!frame.Finite()) {
      return Verdict::NotFinite;
    }
    Stream* const stream = FindOrAdd(frame.subject, now);
    if (stream == nullptr) {
      return Verdict::SubjectLimit;
    }
    frame.session = stream->LiveLinkSession(HashOf(packet.device), frame.capture_us);
    return PushFrame(*stream, frame, now);
  }

  Verdict PushOsc(const std::uint8_t* data, std::size_t size, Micros now) {
    OscMessage message;
    if (!DecodeOsc(data, size, message)) {
      return Verdict::Malformed;
    }
    if (message.address == kFrameAddress) {
      return PushOscFrame(message, now);
    }
    if (message.address == kNamesAddress) {
      return PushNames(message, now);
    }
    if (message.address == kByeAddress) {
      return PushBye(message, now);
    }
    return Verdict::Malformed;
  }

  Verdict PushOscFrame(const OscMessage& message, Micros now) {
    FrameView frame;
    if (!DecodeFrame(message, frame)) {
      return Verdict::Malformed;
    }
    Stream* stream = Find(frame.subject);
    if (!frame.Finite()) {
      if (stream != nullptr) {
        stream->CountOnly(Verdict::NotFinite);
      }
      return Verdict::NotFinite;
    }
    if (stream == nullptr && StandardNames(frame.count) == nullptr) {
      return Verdict::Unnamed;
    }
    stream = FindOrAdd(frame.subject, now);
    return stream == nullptr ? Verdict::SubjectLimit : PushFrame(*stream, frame, now);
  }

  Verdict PushFrame(Stream& stream, const FrameView& frame, Micros now) {
    const std::uint32_t names_before = stream.names_version();
    const Outcome outcome = stream.Push(frame, now);
    if (outcome.new_session) {
      Emit(outcome.took_over ? EventKind::TakenOver : EventKind::SessionStarted, stream.subject());
    }
    if (stream.names_version() != names_before) {
      Emit(EventKind::NamesChanged, stream.subject());
    }
    return outcome.verdict;
  }

  Verdict PushNames(const OscMessage& message, Micros now) {
    NamesView names;
    if (!DecodeNames(message, names)) {
      return Verdict::Malformed;
    }
    Stream* const stream = FindOrAdd(names.subject, now);
    if (stream == nullptr) {
      return Verdict::SubjectLimit;
    }
    stream->SetNames(names);
    return Verdict::Accepted;
  }

  Verdict PushBye(const OscMessage& message, Micros now) {
    ByeView bye;
    if (!DecodeBye(message, bye)) {
      return Verdict::Malformed;
    }
    Stream* const stream = Find(bye.subject);
    if (stream == nullptr) {
      return Verdict::Foreign;
    }
    const Verdict verdict = stream->Bye(bye.session, now);
    if (verdict == Verdict::Accepted) {
      Emit(EventKind::Ended, stream->subject());
    }
    return verdict;
  }

  Stream* FindOrAdd(std::string_view subject, Micros now) {
    if (Stream* const stream = Find(subject)) {
      return stream;
    }
    if (streams_.size() == kMaxSubjects && !ForgetOne(now)) {
      return nullptr;
    }
    streams_.push_back(std::make_unique<Stream>(subject, config_));
    Emit(EventKind::SubjectAdded, streams_.back()->subject());
    return streams_.back().get();
  }

  /// Removes the subject that has been useless for longest. False when all are in use.
  bool ForgetOne(Micros now) {
    std::size_t worst = streams_.size();
    Micros longest = kForget;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      const bool waiting = streams_[i]->State(now) == StreamState::Waiting;
      const Micros silence = waiting ? kMaxCapture : streams_[i]->Silence(now);
      if (silence > longest) {
        longest = silence;
        worst = i;
      }
    }
    if (worst == streams_.size()) {
      return false;
    }
    Emit(EventKind::SubjectRemoved, streams_[worst]->subject());
    streams_.erase(streams_.begin() + static_cast<std::ptrdiff_t>(worst));
    return true;
  }

  void Emit(EventKind kind, const std::string& subject) {
    if (events_.size() < kMaxEvents) {
      events_.push_back(Event{kind, subject});
    } else {
      ++events_dropped_;
    }
  }

  /// FNV-1a.
  static std::int32_t HashOf(std::string_view device) {
    std::uint32_t hash = 2166136261u;
    for (const char c : device) {
      hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
    }
    return static_cast<std::int32_t>(hash & 0x7fffffffu);
  }

  StreamConfig config_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Event> events_;
  std::uint64_t events_dropped_ = 0;
  Counters totals_;
};

}  // namespace pmmlink
