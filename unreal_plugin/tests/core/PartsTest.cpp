#include <string>

#include "PMMLinkCore/FrameGrid.h"
#include "PMMLinkCore/Profile.h"
#include "PMMLinkCore/SequenceWindow.h"
#include "PMMLinkCore/Statistics.h"
#include "Spec.h"

using namespace pmmlink;

SPEC("the curve table has 32 model curves, 52 of ARKit and 61 of Live Link Face, each name once") {
  std::size_t model = 0;
  for (std::size_t i = 0; i < kCurves.size(); ++i) {
    model += kCurves[i].in_model ? 1u : 0u;
    CHECK_EQUAL(kCurves[i].is_rotation, i >= kArkitCount);
    for (std::size_t j = 0; j < i; ++j) {
      CHECK(!SameCurveName(kCurves[i].name, kCurves[j].name));
    }
  }
  CHECK_EQUAL(model, kModelCount);
  CHECK_EQUAL(StandardNames(32)->size(), std::size_t{32});
  CHECK_EQUAL(StandardNames(52)->size(), std::size_t{52});
  CHECK_EQUAL(StandardNames(61)->size(), std::size_t{61});
  CHECK(StandardNames(33) == nullptr);
  CHECK(kCurves[15].name == "JawLeft" && kCurves[16].name == "JawRight");
}

SPEC("a sequence window knows what it saw, what came out of order and what is missing") {
  SequenceWindow window;
  CHECK(!window.Seen(5));
  CHECK(!window.Record(5));
  CHECK(!window.Record(8));
  CHECK_EQUAL(window.lost(), std::int64_t{2});
  CHECK(window.Record(6));
  CHECK(window.Seen(6));
  CHECK(!window.Seen(7));
  CHECK_EQUAL(window.lost(), std::int64_t{1});
  CHECK(window.Record(3));
  CHECK_EQUAL(window.lost(), std::int64_t{2});
}

SPEC("a sequence window survives any leap, and what it has forgotten stays lost") {
  SequenceWindow window;
  window.Record(5);
  window.Record(std::int64_t{1} << 52);
  CHECK(window.Record(3));
  CHECK_EQUAL(window.lost(), (std::int64_t{1} << 52) - 3 + 1 - 3);
  const std::int64_t lost = window.lost();
  for (int i = 0; i < 2000; ++i) {
    window.Record((std::int64_t{1} << 52) + 1 + i);
  }
  CHECK_EQUAL(window.lost(), lost);
  CHECK(!window.Seen(3));
  CHECK(window.Record(3));
  CHECK(!window.Seen(3));
  CHECK_EQUAL(window.lost(), lost);
}

SPEC("rate, loss and jitter are those of the last two seconds") {
  RecentArrivals recent;
  CHECK_EQUAL(recent.Fps(0), 0.0);
  CHECK_EQUAL(recent.Loss(0), 0.0);
  for (int i = 0; i < 300; ++i) {
    recent.Add(i * 20000, i * 2, 1000);
  }
  CHECK_NEAR(recent.Fps(299 * 20000), 50.0, 1e-6);
  CHECK_NEAR(recent.Loss(299 * 20000), 0.5, 0.01);
  CHECK_EQUAL(recent.JitterMs(), 0.0);
  CHECK_EQUAL(recent.Fps(299 * 20000 + 3000000), 0.0);
  for (int i = 0; i < 200; ++i) {
    recent.Add(6000000 + i * 20000, 600 + i, i % 2 == 0 ? 0 : 4000);
  }
  CHECK_NEAR(recent.JitterMs(), 4.0, 0.01);
}

SPEC("a grid has no error that adds up and leaves out what a pause missed") {
  FrameGrid grid(30000, 1001);
  CHECK_EQUAL(grid.TimeOf(30000), Micros{1001000000});
  CHECK_EQUAL(grid.TimeOf(std::int64_t{30000} * 3600 * 24), Micros{1001000000} * 3600 * 24);
  std::int64_t calls = 0;
  std::int64_t last = -1;
  for (Micros now = 0; now <= 1001000; now += 777) {
    grid.Run(now, [&](std::int64_t index, Micros at) {
      CHECK(index == last + 1);
      CHECK(at <= now && now - at < 777);
      last = index;
      ++calls;
    });
  }
  CHECK_EQUAL(calls, std::int64_t{30});
  calls = 0;
  grid.Run(60000000, [&](std::int64_t, Micros) { ++calls; });
  CHECK_EQUAL(calls, FrameGrid::kMostAtOnce);
  grid.Run(60000000, [&](std::int64_t, Micros) { ++calls; });
  CHECK_EQUAL(calls, FrameGrid::kMostAtOnce);
}

SPEC("a profile's gain, offset and limits change the curves they name and no angle") {
  Profile profile;
  profile.Set("mouthPucker", CurveSetting{2.0f, 0.1f, 0.0f, 0.8f});
  profile.Set("HeadYaw", CurveSetting{5.0f, 0.0f, 0.0f, 1.0f});
  profile.Compile(CurveNames({"MouthPucker", "HeadYaw", "BrowInnerUp"}));
  float values[] = {0.2f, -0.5f, 0.3f};
  profile.Apply(values);
  CHECK_NEAR(values[0], 0.5, 1e-6);
  CHECK_EQUAL(values[1], -0.5f);
  CHECK_EQUAL(values[2], 0.3f);
  values[0] = 0.9f;
  profile.Apply(values);
  CHECK_NEAR(values[0], 0.8, 1e-6);
}

SPEC("closed lips stay closed through every gain on the jaw, and MouthClose never exceeds JawOpen") {
  for (int gain = 0; gain <= 30; ++gain) {
    Profile profile;
    profile.Set("JawOpen", CurveSetting{static_cast<float>(gain) / 10.0f, 0.0f, 0.0f, 0.9f});
    profile.Compile(*StandardNames(32));
    for (int jaw = 0; jaw <= 10; ++jaw) {
      float values[32] = {};
      values[3] = static_cast<float>(jaw) / 10.0f;
      values[4] = values[3];
      profile.Apply(values);
      CHECK_NEAR(values[4], values[3], 1e-6);
      values[3] = 0.5f;
      values[4] = 0.2f;
      profile.Apply(values);
      CHECK_NEAR(values[4], 0.4f * values[3], 1e-6);
    }
  }
}

SPEC("a profile set twice for one curve keeps the last setting") {
  Profile profile;
  CHECK(profile.empty());
  profile.Set("JawOpen", CurveSetting{0.0f, 0.0f, 0.0f, 1.0f});
  profile.Set("jawopen", CurveSetting{0.5f, 0.0f, 0.0f, 1.0f});
  profile.Compile(CurveNames({"JawOpen"}));
  float value = 0.5f;
  profile.Apply(&value);
  CHECK_NEAR(value, 0.25, 1e-6);
}
