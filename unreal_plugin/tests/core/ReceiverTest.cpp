#include <string>

#include "PMMLinkCore/Status.h"
#include "Scene.h"
#include "Spec.h"

using namespace pmmlink;

namespace {

packets::Bytes LiveLinkAt(int frame, float value, const char* subject = "Face", const char* device = "A") {
  packets::LiveLinkFields fields;
  fields.subject = subject;
  fields.device = device;
  fields.frame_number = frame;
  fields.values.assign(61, value);
  return packets::LiveLink(fields);
}

std::size_t Count(const std::vector<Event>& events, EventKind kind) {
  std::size_t count = 0;
  for (const Event& event : events) {
    count += event.kind == kind ? 1u : 0u;
  }
  return count;
}

}  // namespace

SPEC("OSC and Live Link Face come in on one port, several subjects side by side") {
  Scene scene;
  scene.Frame(0, 7, 0, 0.25f);
  CHECK(scene.Push(0, LiveLinkAt(1000, 0.75f, "Phone")) == Verdict::Accepted);
  CHECK_EQUAL(scene.receiver.size(), std::size_t{2});
  std::vector<float> values;
  scene.receiver.Find("Phone")->Sample(50000, values);
  CHECK_EQUAL(values.size(), kLiveLinkCount);
  CHECK_EQUAL(values[0], 0.75f);
  CHECK_NEAR(scene.Face(0), 0.25, 1e-6);
}

SPEC("bytes that are neither are malformed, whatever they begin with") {
  Scene scene;
  for (int first = 0; first < 256; ++first) {
    CHECK(scene.Push(0, packets::Bytes(40, static_cast<std::uint8_t>(first))) == Verdict::Malformed);
  }
  CHECK(scene.Push(0, packets::Bytes()) == Verdict::Malformed);
  CHECK_EQUAL(scene.receiver.totals().Count(Verdict::Malformed), std::uint64_t{257});
  CHECK_EQUAL(scene.receiver.size(), std::size_t{0});
}

SPEC("a packet that sees no face adds no subject and lets the face relax") {
  Scene scene;
  packets::LiveLinkFields fields;
  fields.values.clear();
  CHECK(scene.Push(0, packets::LiveLink(fields)) == Verdict::NoFace);
  CHECK_EQUAL(scene.receiver.size(), std::size_t{0});
  scene.Push(0, LiveLinkAt(0, 0.5f));
  for (int ms = 10; ms < 1000; ms += 10) {
    scene.Push(ms, packets::LiveLink(fields));
  }
  CHECK_EQUAL(scene.Face(1000), 0.0f);
}

SPEC("Live Link Face time that steps back by more than a second is a restart, by less it is late") {
  Scene scene;
  scene.Push(0, LiveLinkAt(1000, 0.5f));
  CHECK(scene.Push(10, LiveLinkAt(970, 0.4f)) == Verdict::Late);
  CHECK_EQUAL(scene.stream().counters().lost, std::int64_t{0});
  CHECK(scene.Push(20, LiveLinkAt(0, 0.3f)) == Verdict::Accepted);
  CHECK_NEAR(scene.Face(20), 0.3, 1e-6);
  CHECK_EQUAL(scene.stream().counters().sessions, std::uint64_t{2});
}

SPEC("of two phones on one subject the newer wins, and that is reported") {
  Scene scene;
  scene.Push(0, LiveLinkAt(1000, 0.5f, "Face", "A"));
  scene.Push(5, LiveLinkAt(2000, 0.7f, "Face", "B"));
  CHECK(scene.Push(20, LiveLinkAt(1001, 0.5f, "Face", "A")) == Verdict::Foreign);
  CHECK_NEAR(scene.Face(20), 0.7, 1e-6);
  CHECK_EQUAL(Count(scene.receiver.TakeEvents(), EventKind::TakenOver), std::size_t{1});
}

SPEC("events tell of subjects, sessions, takeovers, names and ends, and are bounded") {
  Scene scene;
  scene.Frame(0, 1, 0, 0.1f);
  scene.Frame(1, 2, 0, 0.1f);
  scene.Bye(2, 2);
  const std::vector<Event> events = scene.receiver.TakeEvents();
  CHECK_EQUAL(Count(events, EventKind::SubjectAdded), std::size_t{1});
  CHECK_EQUAL(Count(events, EventKind::SessionStarted), std::size_t{1});
  CHECK_EQUAL(Count(events, EventKind::TakenOver), std::size_t{1});
  CHECK_EQUAL(Count(events, EventKind::NamesChanged), std::size_t{1});
  CHECK_EQUAL(Count(events, EventKind::Ended), std::size_t{1});
  CHECK(scene.receiver.TakeEvents().empty());
  for (int i = 3; i < 1000; ++i) {
    scene.Frame(i, i, 0, 0.1f);
  }
  CHECK_EQUAL(scene.receiver.TakeEvents().size(), Receiver::kMaxEvents);
  CHECK(scene.receiver.events_dropped() > 900);
}

SPEC("there are never more than sixteen subjects, and a silent one makes room") {
  Scene scene;
  packets::FrameFields fields;
  fields.values.assign(32, 0.5f);
  for (int i = 0; i < 100; ++i) {
    fields.subject = "Face" + std::to_string(i);
    CHECK(scene.Push(i, packets::Frame(fields)) ==
          (i < 16 ? Verdict::Accepted : Verdict::SubjectLimit));
  }
  CHECK_EQUAL(scene.receiver.size(), Receiver::kMaxSubjects);
  fields.subject = "Late";
  CHECK(scene.Push(11000, packets::Frame(fields)) == Verdict::Accepted);
  CHECK_EQUAL(scene.receiver.size(), Receiver::kMaxSubjects);
  CHECK(scene.receiver.Find("Face0") == nullptr);
}

SPEC("a flood of a thousand packets a millisecond leaves memory as it was") {
  Scene scene;
  packets::FrameFields fields;
  fields.values.assign(61, 0.5f);
  for (int i = 0; i < 100000; ++i) {
    fields.session = i % 7 == 0 ? i : 3;
    fields.seq = i;
    fields.capture_us = (i % 3 == 0 ? -1 : 1) * std::int64_t{i} * 1000000007;
    fields.subject = "Face" + std::to_string(i % 40);
    scene.Push(i / 1000.0, packets::Frame(fields));
  }
  CHECK_EQUAL(scene.receiver.size(), Receiver::kMaxSubjects);
  for (std::size_t i = 0; i < scene.receiver.size(); ++i) {
    CHECK(scene.receiver[i].buffered() <= JitterBuffer::kCapacity);
  }
}

SPEC("the status says waiting, receiving with rate and loss, stale, ended") {
  Scene scene;
  CHECK(StatusText(scene.receiver, 0) == "waiting");
  for (int i = 0; i < 31; ++i) {
    if (i != 15) {
      scene.Frame(i * 100.0 / 3.0, 7, i, 0.5f);
    }
  }
  scene.Face(1000);
  CHECK(StatusText(scene.receiver, Scene::Us(1000)) == "receiving 29.0 fps, loss 3.2 %");
  scene.Face(4500);
  CHECK(StatusText(scene.receiver, Scene::Us(4500)) == "stale for 3 s");
  scene.Frame(5000, 7, 150, 0.5f);
  scene.Bye(5001, 7);
  CHECK(StatusText(scene.receiver, Scene::Us(5001)) == "ended");
  scene.Push(5002, LiveLinkAt(0, 0.5f, "Phone"));
  CHECK(StatusText(scene.receiver, Scene::Us(5002)) == "receiving 1 of 2 subjects");
}
