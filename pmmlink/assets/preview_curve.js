// The row of a curve in the panel of sliders.

import { Slider, button, element } from "/preview_controls.js";

const LABELS = { gain: "gain", offset: "offset", exponent: "exponent", minimum: "min", maximum: "max", neutral: "neutral" };

/** The sliders of a curve, or of a pair of curves at once. */
export class CurveRow {
  constructor(panel, name, curves) {
    const { facts } = panel;
    this.panel = panel;
    this.name = name;
    this.curves = curves;
    this.predicted = facts.predicted.includes(curves[0]);
    this.sliders = {};
    this.node = element("div", { className: "curve" });
    this.node.dataset.curve = name;
    this.bars = curves.map(() => element("b"));
    const meter = element("i", { className: "level" }, ...this.bars);
    this.mute = button("mute", `Silence ${name}`, () => panel.set(this.name, { mute: !this.muted }));
    const main = this.predicted ? "gain" : "offset";
    const more = button("more", "Offset, exponent, limits, neutral", () => this.unfold());
    more.hidden = !this.predicted;
    this.more = more;
    const reset = button("reset", `Leave ${name} as the model gives it`, () => panel.edits.send({ do: "reset", curves: this.curves }));
    this.main = this.slider(main);
    this.title = element("span", { className: "name", textContent: name });
    this.node.append(this.title, meter, element("span", { className: "tools" }, more, this.mute, reset), this.main);
  }

  slider(key) {
    const { facts } = this.panel;
    const tied = key === "gain" && this.name === "mouthClose" && this.panel.state?.profile.tie_lips;
    const limits = tied ? facts.tiedCloseGain : facts.limits[key];
    const plain = key === "neutral" ? 0 : facts.plain[key];
    const slider = new Slider(key, `${this.name} ${LABELS[key]}`, limits, plain, (value, done) => this.change(key, value, done));
    slider.range.dataset.setting = key;
    this.sliders[key] = slider;
    return element("label", { className: "slider" }, element("span", { textContent: LABELS[key] }), ...slider.parts);
  }

  change(key, value, done) {
    const waiting = `${this.name} ${key} ${done}`;
    if (key === "neutral") this.panel.edits.send({ do: "set", neutral: this.name, value, done }, waiting);
    else this.panel.set(this.name, { [key]: value }, done, waiting);
  }

  unfold() {
    if (this.extra) {
      this.extra.hidden = !this.extra.hidden;
    } else {
      this.extra = element("div", { className: "extra" }, ...["offset", "exponent", "minimum", "maximum", "neutral"].map((key) => this.slider(key)));
      this.node.append(this.extra);
      this.show(this.panel.state);
    }
    this.more.setAttribute("aria-pressed", String(!this.extra.hidden));
  }

  show(state) {
    const setting = state.curves[this.curves[0]] ?? this.panel.facts.plain;
    this.muted = setting.mute;
    for (const [key, slider] of Object.entries(this.sliders)) {
      slider.show(key === "neutral" ? state.neutral[this.curves[0]] ?? 0 : setting[key]);
    }
    this.changed = this.curves.some((curve) => state.differs.includes(curve));
    this.node.classList.toggle("changed", this.changed);
    this.node.classList.toggle("muted", this.muted);
    this.mute.setAttribute("aria-pressed", String(this.muted));
    // Tied lips follow the jaw and take a gain only.
    this.more.hidden = !this.predicted || (this.name === "mouthClose" && state.profile.tie_lips);
    if (this.more.hidden && this.extra) this.extra.hidden = true;
  }
}
