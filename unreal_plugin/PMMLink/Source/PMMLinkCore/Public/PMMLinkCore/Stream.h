#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "PMMLinkCore/FaceMotion.h"
#include "PMMLinkCore/JitterBuffer.h"
#include "PMMLinkCore/NameLists.h"
#include "PMMLinkCore/Packet.h"
#include "PMMLinkCore/PastSessions.h"
#include "PMMLinkCore/PlayoutClock.h"
#include "PMMLinkCore/SequenceWindow.h"
#include "PMMLinkCore/Statistics.h"

namespace pmmlink {

/// Times that shape what is shown. Each may be changed while a stream runs.
struct StreamConfig {
  Micros buffer_us = 50'000;  ///< How late a frame may be without being missed; adds to the latency.
  Micros hold_us = 250'000;   ///< After so long without a frame the face starts to relax,
  Micros ease_us = 500'000;   ///< and is at neutral after so long again.
  bool smooth = true;         ///< Move from frame to frame in a straight line; adds one frame of latency.
};

enum class StreamState : std::uint8_t {
  Waiting,  ///< No frame has been shown yet.
  Live,     ///< Frames come, or stopped less than hold_us ago.
  Easing,   ///< On the way to neutral.
  Neutral,  ///< At neutral: the stream is stale or over.
};

/// What is on the face, besides the values.
struct Shown {
  StreamState state = StreamState::Waiting;
  std::int32_t session = 0;
  std::int64_t seq = -1;      ///< The newest frame whose time has come (-1 before a session's first),
  Micros capture_us = 0;      ///< its capture time,
  Micros age_us = 0;          ///< and since when its time has come.
  std::int32_t fps_num = 30;  ///< Frame rate of the sender.
  std::int32_t fps_den = 1;
};

/// What became of a frame.
struct Outcome {
  Verdict verdict = Verdict::Malformed;
  bool new_session = false;
  bool took_over = false;  ///< The new session replaced one that was alive.
};

/// One subject from frames to face: sessions, order, jitter buffer, interpolation, hold, ease to neutral.
///
/// The rules are those of tests/golden/README.md, which the Python receiver follows too. Not thread-safe.
/// `now` is any monotonic clock in microseconds, not negative and below kMaxCapture.
class Stream {
 public:
  Stream(std::string_view subject, const StreamConfig& config) : subject_(subject), config_(config) {}

  const std::string& subject() const { return subject_; }
  const CurveNames& names() const { return motion_.names(); }  ///< As of the last Sample() or Push().
  std::uint32_t names_version() const { return motion_.names_version(); }  ///< Grows when names() changes.
  StreamConfig& config() { return config_; }

  /// Takes the names of frames with as many values as there are names.
  void SetNames(const NamesView& names) { lists_.Learn(names); }

  /// Takes a frame that has only finite values.
  Outcome Push(const FrameView& frame, Micros now) {
    Outcome outcome;
    outcome.verdict = Judge(frame, now, outcome);
    counters_.Add(outcome.verdict);
    return outcome;
  }

  /// Ends a session. The face relaxes at once if it is the current one; what is buffered plays on under that.
  Verdict Bye(std::int32_t session, Micros now) {
    if (past_.Departed(session)) {
      return Verdict::Duplicate;
    }
    const bool current = has_session_ && session == session_;
    if (current || past_.Replaced(session)) {
      past_.Depart(session);
    }
    if (!current) {
      return Verdict::Foreign;
    }
    parted_ = true;
    parted_at_ = now;
    return Verdict::Accepted;
  }

  /// Counts a frame of this subject that was not fit for Push().
  void CountOnly(Verdict verdict) { counters_.Add(verdict); }

  /// Makes `values` the face at `now`, in the order of names(), which this call may change.
  Shown Sample(Micros now, std::vector<float>& values) {
    Advance(now);
    Face(now, values);
    const Micros age = motion_.started() ? std::max(Micros{0}, now - motion_.since()) : 0;
    return Shown{State(now), session_, shown_seq_, shown_capture_us_, age, fps_num_, fps_den_};
  }

  StreamState State(Micros now) const {
    if (!motion_.started()) {
      return StreamState::Waiting;
    }
    const double relaxed = Relaxed(now);
    return relaxed <= 0.0 ? StreamState::Live : relaxed < 1.0 ? StreamState::Easing : StreamState::Neutral;
  }

  /// Time since the last frame came in; forever before the first.
  Micros Silence(Micros now) const { return arrived_ ? now - last_arrival_ : kMaxCapture; }

  /// For a Live Link Face sender, whose packets carry a device id and the time of day: the session to give a
  /// frame. Time that steps back by more than a second is a restart, or midnight, and makes a new one.
  std::int32_t LiveLinkSession(std::int32_t device, Micros capture_us) const {
    const std::int32_t base = device & ~kRestartMask;
    if (!has_session_ || (session_ & ~kRestartMask) != base) {
      return base;
    }
    const bool restarted = capture_us < highest_capture_us_ - kRestart;
    return restarted ? base | ((session_ + 1) & kRestartMask) : session_;
  }

  bool ended() const { return parted_; }
  bool numbered() const { return numbered_; }
  std::size_t buffered() const { return buffer_.size(); }
  const RecentArrivals& recent() const { return recent_; }

  Counters counters() const {
    Counters counters = counters_;
    counters.lost += LostInSession();
    return counters;
  }

 private:
  static constexpr Micros kLongestMove = 250'000;
  static constexpr Micros kRounding = 1;  ///< Capture times are rounded: a frame may be so much early.
  static constexpr std::int32_t kRestartMask = 0xff;
  static constexpr Micros kRestart = 1'000'000;

  Verdict Judge(const FrameView& frame, Micros now, Outcome& outcome) {
    const CurveNamesPtr names = lists_.Find(frame.count);
    if (names == nullptr) {
      return Verdict::Unnamed;
    }
    if (past_.Departed(frame.session)) {
      return Verdict::Late;
    }
    if (!has_session_ || frame.session != session_) {
      const bool alive = has_session_ && !parted_ && Relaxed(now) < 1.0;
      if (alive && past_.Replaced(frame.session)) {
        return Verdict::Foreign;
      }
      outcome.new_session = true;
      outcome.took_over = alive;
      StartSession(frame.session, frame.numbered, now);
    }
    if (window_.Seen(frame.seq)) {
      return Verdict::Duplicate;
    }
    bool late = frame.seq <= shown_seq_;
    if (late && State(now) == StreamState::Neutral) {
      // Nothing is shown any more that this frame could be older than: its sender has started over.
      ForgetSequence();
      late = false;
    }
    counters_.reordered += window_.Record(frame.seq) ? 1u : 0u;
    if (late) {
      return Verdict::Late;
    }
    Hear(now);
    Store(frame, names, now);
    return Verdict::Accepted;
  }

  void StartSession(std::int32_t session, bool numbered, Micros now) {
    Advance(now);
    if (has_session_ && !past_.Departed(session_)) {
      past_.Replace(session_);
    }
    ForgetSequence();
    has_session_ = true;
    session_ = session;
    numbered_ = numbered;
    highest_capture_us_ = -kMaxCapture;
    clock_.Reset();
    recent_.Reset();
    buffer_.Clear();
    ++counters_.sessions;
  }

  void ForgetSequence() {
    counters_.lost += LostInSession();
    window_.Reset();
    shown_seq_ = -1;
  }

  std::int64_t LostInSession() const { return numbered_ ? window_.lost() : 0; }

  /// A frame has come: the face stops relaxing, and goes on from where that has brought it.
  void Hear(Micros now) {
    Advance(now);
    if (motion_.started() && Relaxed(now) > 0.0) {
      Face(now, scratch_);
      motion_.StayAt(scratch_);
    }
    if (Silence(now) > config_.hold_us) {
      clock_.Reset();
    }
    arrived_ = true;
    last_arrival_ = now;
    parted_ = false;
  }

  void Store(const FrameView& frame, const CurveNamesPtr& names, Micros now) {
    clock_.Observe(now - frame.capture_us, now);
    recent_.Add(now, frame.seq, now - frame.capture_us);
    highest_capture_us_ = std::max(highest_capture_us_, frame.capture_us);
    fps_num_ = frame.fps_num;
    fps_den_ = frame.fps_den;
    BufferedFrame& buffered = buffer_.Insert(frame.seq);
    buffered.capture_us = frame.capture_us;
    buffered.period_us = std::min(Micros{frame.fps_den} * 1'000'000 / frame.fps_num, kLongestMove);
    buffered.names = names;
    buffered.values.resize(frame.count);
    for (std::size_t i = 0; i < frame.count; ++i) {
      const float value = frame.Value(i);
      buffered.values[i] = names->rotation(i) ? value : std::min(std::max(value, 0.0f), 1.0f);
    }
    if (buffer_.overfull()) {
      ++counters_.overflow;
      Show(0, now);
    }
    Advance(now);
  }

  /// When a waiting frame is to be shown.
  Micros Due(const BufferedFrame& frame) const {
    return clock_.Arrival(frame.capture_us) + config_.buffer_us - kRounding;
  }

  /// Shows the last of the frames, in order, whose time has come.
  void Advance(Micros now) {
    std::size_t due = 0;
    while (due < buffer_.size() && Due(buffer_[due]) <= now) {
      ++due;
    }
    if (due > 0) {
      Show(due - 1, now);
    }
    advanced_to_ = std::max(advanced_to_, now);
  }

  /// Starts the move to a frame, from its time on; but not from before what Sample() has already given out.
  void Show(std::size_t position, Micros now) {
    const BufferedFrame& frame = buffer_[position];
    const Micros since = std::min(std::max(Due(frame), advanced_to_), now);
    motion_.MoveTo(frame.names, frame.values, since, config_.smooth ? frame.period_us : 0);
    shown_seq_ = frame.seq;
    shown_capture_us_ = frame.capture_us;
    buffer_.Drop(position + 1);
  }

  void Face(Micros now, std::vector<float>& values) const {
    motion_.Pose(now, values);
    const float keep = motion_.started() ? 1.0f - static_cast<float>(Relaxed(now)) : 1.0f;
    for (float& value : values) {
      value *= keep;
    }
  }

  /// How far the face has gone to neutral, 0..1, with a smooth start and end.
  double Relaxed(Micros now) const {
    Micros gone = Silence(now) - config_.hold_us;
    if (parted_) {
      gone = std::max(gone, now - parted_at_);
    }
    if (gone <= 0) {
      return 0.0;
    }
    if (gone >= config_.ease_us) {
      return 1.0;
    }
    const double x = static_cast<double>(gone) / static_cast<double>(config_.ease_us);
    return x * x * (3.0 - 2.0 * x);
  }

  std::string subject_;
  StreamConfig config_;
  NameLists lists_;

  bool has_session_ = false;
  bool numbered_ = true;
  std::int32_t session_ = 0;
  PastSessions past_;
  bool parted_ = false;  ///< The current session said bye, and nothing came after.
  Micros parted_at_ = 0;

  SequenceWindow window_;
  PlayoutClock clock_;
  JitterBuffer buffer_;
  bool arrived_ = false;
  Micros last_arrival_ = 0;
  Micros highest_capture_us_ = 0;
  std::int32_t fps_num_ = 30;
  std::int32_t fps_den_ = 1;

  FaceMotion motion_;
  std::int64_t shown_seq_ = -1;
  Micros shown_capture_us_ = 0;
  Micros advanced_to_ = 0;  ///< The latest time at which the shown frame was chosen.
  std::vector<float> scratch_;

  Counters counters_;
  RecentArrivals recent_;
};

}  // namespace pmmlink
