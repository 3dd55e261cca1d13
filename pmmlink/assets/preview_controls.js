// What the panel of sliders is made of.

// How far a slider goes. The number beside it takes everything the profile does.
const REACH = { gain: [0, 3], offset: [-0.5, 0.5], exponent: [0.2, 3], neutral: [0, 0.5], min_cutoff_hz: [0, 20], beta: [0, 10], delay_ms: [-200, 500] };
const STEPS = { delay_ms: 1, min_cutoff_hz: 0.1, beta: 0.1 };

export const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};
export const button = (text, title, onclick) => element("button", { type: "button", textContent: text, title, onclick });

/** A slider with the number beside it. */
export class Slider {
  constructor(name, label, limits, plain, onChange) {
    const [low, high] = REACH[name] ?? limits;
    const step = STEPS[name] ?? 0.01;
    this.plain = plain;
    this.onChange = onChange;
    this.held = false;
    this.range = element("input", { type: "range", min: Math.max(low, limits[0]), max: Math.min(high, limits[1]), step, ariaLabel: label });
    this.number = element("input", { type: "number", min: limits[0], max: limits[1], step, ariaLabel: `${label}, number` });
    this.range.addEventListener("input", () => this.changed(this.range, false));
    this.range.addEventListener("change", () => this.changed(this.range, true));
    this.range.addEventListener("dblclick", () => this.onChange(this.plain, true));
    this.number.addEventListener("change", () => this.changed(this.number, true));
    this.parts = [this.range, this.number];
  }

  changed(from, done) {
    const value = Number(from.value);
    if (from.value === "" || !Number.isFinite(value)) return this.show(this.value);
    this.held = !done;
    (from === this.range ? this.number : this.range).value = value;
    this.onChange(value, done);
  }

  show(value) {
    this.value = value;
    if (this.held) return;
    this.range.value = value;
    this.number.value = Number(value.toFixed(3));
    this.range.classList.toggle("set", Math.abs(value - this.plain) > 1e-9);
  }
}
