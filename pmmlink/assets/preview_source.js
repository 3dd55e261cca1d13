// Where the page's frames come from: the stream, or a take that the page plays itself.

// As every pmmlink receiver does: hold the last frame, then ease to neutral.
const HOLD_MS = 250, EASE_MS = 500;

const at = (id) => document.getElementById(id);
const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;

/** Frames as they arrive; nothing is asked for while the page is hidden. */
export class Live {
  constructor() {
    this.values = new Float32Array(0);
    this.shown = new Float32Array(0);
    this.arrived = -Infinity;
    this.times = [];
    this.received = 0;
    this.text = "";
    document.addEventListener("visibilitychange", () => this.connect());
    this.connect();
  }

  connect() {
    this.source?.close();
    if (document.hidden) return;
    this.source = new EventSource("/stream");
    this.source.onmessage = ({ data }) => {
      const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      this.values = new Float32Array(bytes.buffer);
      if (this.shown.length !== this.values.length) this.shown = new Float32Array(this.values.length);
      this.arrived = performance.now();
      this.received += 1;
      this.times = [...this.times.filter((time) => time > this.arrived - 2000), this.arrived];
    };
    this.source.addEventListener("status", ({ data }) => { this.text = JSON.parse(data).text; });
    this.source.addEventListener("end", () => { this.arrived = Math.min(this.arrived, performance.now() - HOLD_MS); });
  }

  valuesNow(now) {
    const x = Math.min(1, Math.max(0, (now - this.arrived - HOLD_MS) / EASE_MS));
    const keep = 1 - x * x * (3 - 2 * x);
    for (let k = 0; k < this.shown.length; k++) this.shown[k] = this.values[k] * keep;
    return this.shown;
  }

  status(now) {
    const rate = this.times.filter((time) => time > now - 2000).length / 2;
    const closed = this.source?.readyState === EventSource.CONNECTING ? "waiting for pmmlink" : "waiting for frames";
    return [rate ? `live, ${rate.toFixed(0)} frames a second` : closed, this.text].filter(Boolean).join("\n");
  }
}

/** A take played by this page; its sound is the clock where there is one. */
export class Take {
  constructor({ frames, fps, sound }, values) {
    const count = values.length / frames;
    Object.assign(this, { frames, fps, values, count, position: 0, playing: false, before: 0 });
    this.duration = frames / fps;
    this.shown = new Float32Array(count);
    this.sound = sound ? at("sound") : null;
    if (this.sound) {
      this.sound.addEventListener("error", () => this.goOnSilently());
      this.sound.src = "/sound";
    }
    at("transport").hidden = false;
    at("time").max = this.duration;
    at("time").addEventListener("input", () => this.seek(Number(at("time").value)));
    at("play").addEventListener("click", () => this.toggle());
    document.addEventListener("keydown", (event) => {
      if (event.code !== "Space" || /^(BUTTON|INPUT|SUMMARY)$/.test(event.target.tagName)) return;
      event.preventDefault();
      this.toggle();
    });
  }

  toggle() {
    if (!this.playing && this.position >= this.duration) this.seek(0);
    this.playing = !this.playing;
    if (this.playing) this.start(); else this.sound?.pause();
  }

  start() {
    this.before = performance.now();
    // A sound that has ended would begin again at 0.
    if (!this.sound || this.position >= this.sound.duration) return;
    this.sound.play().catch(({ name }) => {
      if (name !== "AbortError") this.goOnSilently(); // not merely paused again before it began
    });
  }

  goOnSilently() {
    this.sound?.pause();
    this.sound = null;
    at("silent").hidden = false;
  }

  seek(seconds) {
    this.position = Math.min(this.duration, Math.max(0, seconds));
    if (!this.sound) return;
    this.sound.currentTime = this.position;
    if (this.playing) this.start();
  }

  valuesNow(now) {
    if (this.playing) {
      const heard = this.sound && !this.sound.paused; // the sound may be shorter than the take
      this.position = heard ? this.sound.currentTime : this.position + (now - this.before) / 1000;
      this.before = now;
      if (this.position >= this.duration) {
        this.position = this.duration;
        if (at("loop").checked) this.seek(0); else this.toggle();
      }
    }
    const frame = Math.min(this.frames - 1, this.position * this.fps);
    const first = Math.floor(frame) * this.count;
    const next = Math.min(this.frames - 1, Math.floor(frame) + 1) * this.count;
    const share = frame - Math.floor(frame);
    for (let k = 0; k < this.count; k++) {
      this.shown[k] = this.values[first + k] + share * (this.values[next + k] - this.values[first + k]);
    }
    return this.shown;
  }

  status() {
    if (document.activeElement !== at("time") || this.playing) at("time").value = this.position;
    at("clock").textContent = `${clock(this.position)} / ${clock(this.duration)}`;
    at("play").textContent = this.playing ? "Pause" : "Play";
    return `take, ${this.frames} frames at ${+this.fps.toFixed(2)} a second`;
  }
}
