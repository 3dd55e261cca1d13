// Draws a face with WebGL 2, lit as pmmlink/preview/shading.py lights it, and lets the mouse move the camera.

// The same light as in shading.py. It is worked out at every pixel by a graphics card, and at every vertex
// where the processor has to draw.
const LIGHT = `
uniform vec3 towards[3], colour[3], ambientUp, ambientDown;
vec3 lit(vec3 normal, vec3 tone, vec3 gloss) { // sRGB
  vec3 n = normalize(normal);
  vec3 diffuse = mix(ambientDown, ambientUp, n.y * 0.5 + 0.5);
  for (int k = 0; k < 3; k++) {
    diffuse += max((dot(n, towards[k]) + gloss.z) / (1.0 + gloss.z), 0.0) * colour[k];
  }
  vec3 halfway = normalize(towards[0] + vec3(0.0, 0.0, 1.0));
  vec3 light = tone * diffuse + gloss.x * pow(max(dot(n, halfway), 0.0), gloss.y) * colour[0];
  light = clamp(light, 0.0, 1.0);
  return mix(12.92 * light, 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, light));
}`;

const vertexShader = (perPixel) => `#version 300 es
uniform mat3 axes;
uniform vec3 eye;
uniform vec4 lens; // scale x, scale y, near, far
in vec3 position, normal, albedo, material;
centroid out vec3 facing, tone, gloss; // slivers at the edge of a pixel must not extrapolate
${perPixel ? "" : LIGHT}
void main() {
  vec3 p = axes * (position - eye);
  float depth = -p.z;
  gl_Position = vec4(lens.x * p.x, lens.y * p.y, (depth * (lens.w + lens.z) - 2.0 * lens.w * lens.z) / (lens.w - lens.z), depth);
  facing = axes * normal;
  tone = ${perPixel ? "albedo" : "lit(facing, albedo, material)"};
  gloss = material;
}`;

const fragmentShader = (perPixel) => `#version 300 es
precision highp float;
centroid in vec3 facing, tone, gloss;
out vec4 pixel;
${perPixel ? LIGHT : ""}
void main() {
  pixel = vec4(${perPixel ? "lit(facing, tone, gloss)" : "tone"}, 1.0);
}`;

function program(gl, perPixel) {
  const made = gl.createProgram();
  const sources = [[gl.VERTEX_SHADER, vertexShader(perPixel)], [gl.FRAGMENT_SHADER, fragmentShader(perPixel)]];
  for (const [type, source] of sources) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  return made;
}

/** Whether there is no graphics card, so that the mesh had better be coarse. */
export function drawnByProcessor() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return true;
  const named = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = gl.getParameter(named ? named.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(renderer);
}

const unit = (v) => v.map((x) => x / Math.hypot(...v));
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

export class View {
  /** `fast` gives up smooth edges and highlights for speed. */
  constructor(canvas, face, camera, fast) {
    const antialias = !fast && window.devicePixelRatio < 1.5;
    const gl = canvas.getContext("webgl2", { antialias, powerPreference: "low-power" });
    if (!gl) throw new Error("this browser has no WebGL 2; try another, or turn hardware acceleration on");
    Object.assign(this, { canvas, face, gl, program: program(gl, !fast), stale: true, moved: true });
    this.pixelRatio = fast ? 0.75 : 1;
    this.look(camera);
    this.upload();
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => event.buttons && this.turn(event.movementX, event.movementY));
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.zoom(event.deltaY); }, { passive: false });
    new ResizeObserver(() => { this.stale = true; }).observe(canvas);
  }

  /** Takes one of the server's camera presets. */
  look(camera) {
    const [x, y, z] = unit(camera.direction);
    this.camera = { ...camera, yaw: Math.atan2(x, z), pitch: Math.asin(y) };
    this.stale = true;
  }

  turn(dx, dy) {
    this.camera.yaw -= dx * 0.006;
    this.camera.pitch = Math.min(1.4, Math.max(-1.4, this.camera.pitch + dy * 0.006));
    this.stale = true;
  }

  zoom(step) {
    this.camera.extent_m = Math.min(0.6, Math.max(0.04, this.camera.extent_m * Math.exp(step * 0.001)));
    this.stale = true;
  }

  upload() {
    const { gl, face: { head } } = this;
    const uniform = (name) => gl.getUniformLocation(this.program, name);
    gl.useProgram(this.program);
    const attribute = (name, data, usage) => {
      const buffer = gl.createBuffer();
      const place = gl.getAttribLocation(this.program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, usage);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
      return buffer;
    };
    this.positions = attribute("position", this.face.positions, gl.DYNAMIC_DRAW);
    this.normals = attribute("normal", this.face.normals, gl.DYNAMIC_DRAW);
    attribute("albedo", head.albedo, gl.STATIC_DRAW);
    attribute("material", head.materials, gl.STATIC_DRAW);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, head.triangles, gl.STATIC_DRAW);
    gl.uniform3fv(uniform("towards"), head.lights.flatMap((light) => unit(light.slice(0, 3))));
    gl.uniform3fv(uniform("colour"), head.lights.flatMap((light) => light.slice(3)));
    gl.uniform3fv(uniform("ambientUp"), head.ambientUp);
    gl.uniform3fv(uniform("ambientDown"), head.ambientDown);
    this.places = { axes: uniform("axes"), eye: uniform("eye"), lens: uniform("lens") };
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.CULL_FACE);
    gl.clearColor(0.155, 0.165, 0.185, 1);
  }

  /** Draws if the face, the camera or the window has changed since the last time. */
  draw() {
    if (!this.stale && !this.moved) return;
    const { gl, canvas, camera, places } = this;
    const ratio = this.pixelRatio * Math.min(2, window.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (this.moved) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.positions);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.face.positions);
      gl.bindBuffer(gl.ARRAY_BUFFER, this.normals);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.face.normals);
    }
    const back = [
      Math.sin(camera.yaw) * Math.cos(camera.pitch), Math.sin(camera.pitch), Math.cos(camera.yaw) * Math.cos(camera.pitch),
    ];
    const right = unit(cross([0, 1, 0], back));
    const up = cross(back, right);
    const rows = [right, up, back];
    const eye = camera.target.map((x, k) => x + camera.distance_m * back[k]);
    const scale = (2 * camera.distance_m) / camera.extent_m;
    const short = Math.min(width, height);
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(places.axes, true, rows.flat());
    gl.uniform3fv(places.eye, eye);
    gl.uniform4f(places.lens, scale * short / width, scale * short / height, 0.05, 5);
    gl.drawElements(gl.TRIANGLES, this.face.head.triangles.length, gl.UNSIGNED_INT, 0);
    this.stale = this.moved = false;
  }
}
