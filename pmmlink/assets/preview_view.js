// Draws a face with WebGL 2, lit as pmmlink/preview/shading.py lights it, and lets the mouse move the camera.

// The same light as in shading.py, at every pixel. Without a graphics card it is worked out below at every vertex,
// in JavaScript: a software rasteriser runs the vertex program six times for each vertex.
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

const PROJECT = `
uniform mat3 axes;
uniform vec3 eye;
uniform vec4 lens; // scale x, scale y, near, far
void project(vec3 position) {
  vec3 p = axes * (position - eye);
  gl_Position = vec4(lens.x * p.x, lens.y * p.y, (-p.z * (lens.w + lens.z) - 2.0 * lens.w * lens.z) / (lens.w - lens.z), -p.z);
}`;

const PER_PIXEL = [`#version 300 es
${PROJECT}
in vec3 position, normal, albedo, material;
centroid out vec3 facing, tone, gloss; // slivers at the edge of a pixel must not extrapolate
void main() {
  project(position);
  facing = axes * normal;
  tone = albedo;
  gloss = material;
}`, `#version 300 es
precision highp float;
centroid in vec3 facing, tone, gloss;
out vec4 pixel;
${LIGHT}
void main() { pixel = vec4(lit(facing, tone, gloss), 1.0); }`];

const PER_VERTEX = [`#version 300 es
${PROJECT}
in vec3 position;
in vec4 shade;
out vec3 tone;
void main() { project(position); tone = shade.rgb; }`, `#version 300 es
precision mediump float;
in vec3 tone;
out vec4 pixel;
void main() { pixel = vec4(tone, 1.0); }`];

function program(gl, sources) {
  const made = gl.createProgram();
  for (const [k, source] of sources.entries()) {
    const shader = gl.createShader(k ? gl.FRAGMENT_SHADER : gl.VERTEX_SHADER);
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
const srgb = Uint8Array.from({ length: 4097 }, (_, k) => {
  const light = k / 4096;
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
});

/** The light of each vertex as sRGB bytes: lit() of the shader, for a camera with these axes. */
function lightVertices(face, axes, shades) {
  const { normals: n, head: { albedo, materials, lights, ambientUp, ambientDown } } = face;
  const inHead = (v) => [0, 1, 2].map((k) => axes[0][k] * v[0] + axes[1][k] * v[1] + axes[2][k] * v[2]);
  const towards = lights.map((light) => unit(light.slice(0, 3)));
  const [[kx, ky, kz], [fx, fy, fz], [rx, ry, rz]] = towards.map(inHead);
  const [key, fill, rim] = lights.map((light) => light.slice(3));
  const [hx, hy, hz] = inHead(unit([towards[0][0], towards[0][1], towards[0][2] + 1]));
  const [ux, uy, uz] = inHead([0, 1, 0]);
  for (let at = 0, to = 0; at < n.length; at += 3, to += 4) {
    const scale = 1 / (Math.hypot(n[at], n[at + 1], n[at + 2]) || 1);
    const x = n[at] * scale, y = n[at + 1] * scale, z = n[at + 2] * scale;
    const wrap = materials[at + 2], share = 1 / (1 + wrap), up = 0.5 + 0.5 * (x * ux + y * uy + z * uz);
    const a = Math.max(0, (x * kx + y * ky + z * kz + wrap) * share);
    const b = Math.max(0, (x * fx + y * fy + z * fz + wrap) * share);
    const c = Math.max(0, (x * rx + y * ry + z * rz + wrap) * share);
    const gleam = materials[at] * Math.max(0, x * hx + y * hy + z * hz) ** materials[at + 1];
    for (let k = 0; k < 3; k++) {
      const diffuse = ambientDown[k] + up * (ambientUp[k] - ambientDown[k]) + a * key[k] + b * fill[k] + c * rim[k];
      shades[to + k] = srgb[Math.min(4096, (4096 * (albedo[at + k] * diffuse + gleam * key[k])) | 0)];
    }
  }
}

/** Triangles that a camera may see, whatever the face does: those well turned away are left out. */
function facingTriangles(face, eye) {
  const { positions: p, head: { triangles } } = face;
  const kept = new Uint32Array(triangles.length);
  let count = 0;
  for (let k = 0; k < triangles.length; k += 3) {
    const [a, b, c] = [3 * triangles[k], 3 * triangles[k + 1], 3 * triangles[k + 2]];
    const u = [0, 1, 2].map((i) => p[b + i] - p[a + i]), v = [0, 1, 2].map((i) => p[c + i] - p[a + i]);
    const n = cross(u, v), to = [0, 1, 2].map((i) => eye[i] - p[a + i]);
    if (n[0] * to[0] + n[1] * to[1] + n[2] * to[2] < TURNED_AWAY * Math.hypot(...n) * Math.hypot(...to)) continue;
    for (let i = 0; i < 3; i++) kept[count++] = triangles[k + i];
  }
  return kept.subarray(0, count);
}
// A curve may turn a triangle of the lips half over.
const TURNED_AWAY = -0.7;

export class View {
  /** `fast`: drawn by the processor; lit at the vertices, without smooth edges. */
  constructor(canvas, face, camera, fast) {
    const antialias = !fast && window.devicePixelRatio < 1.5;
    const gl = canvas.getContext("webgl2", { antialias, alpha: false, powerPreference: "low-power" });
    if (!gl) throw new Error("this browser has no WebGL 2; try another, or turn hardware acceleration on");
    Object.assign(this, { canvas, face, gl, fast, program: program(gl, fast ? PER_VERTEX : PER_PIXEL), stale: true, moved: true });
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
    const attribute = (name, data, usage, size = 3, type = gl.FLOAT) => {
      const buffer = gl.createBuffer();
      const place = gl.getAttribLocation(this.program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, usage);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, type, type !== gl.FLOAT, 0, 0);
      return buffer;
    };
    this.positions = attribute("position", this.face.positions, gl.DYNAMIC_DRAW);
    if (this.fast) {
      this.shades = new Uint8Array(head.positions.length / 3 * 4);
      this.light = attribute("shade", this.shades, gl.DYNAMIC_DRAW, 4, gl.UNSIGNED_BYTE);
    } else {
      this.light = attribute("normal", this.face.normals, gl.DYNAMIC_DRAW);
      attribute("albedo", head.albedo, gl.STATIC_DRAW);
      attribute("material", head.materials, gl.STATIC_DRAW);
      gl.uniform3fv(uniform("towards"), head.lights.flatMap((light) => unit(light.slice(0, 3))));
      gl.uniform3fv(uniform("colour"), head.lights.flatMap((light) => light.slice(3)));
      gl.uniform3fv(uniform("ambientUp"), head.ambientUp);
      gl.uniform3fv(uniform("ambientDown"), head.ambientDown);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, head.triangles, gl.DYNAMIC_DRAW);
    this.corners = head.triangles.length;
    this.places = { axes: uniform("axes"), eye: uniform("eye"), lens: uniform("lens") };
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.CULL_FACE);
    gl.clearColor(0.155, 0.165, 0.185, 1);
  }

  /** Draws if the face, the camera or the window has changed since the last time; whether it did. */
  draw() {
    if (!this.stale && !this.moved) return false;
    const { gl, canvas, camera, places } = this;
    const ratio = this.pixelRatio * Math.min(2, window.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const back = [
      Math.sin(camera.yaw) * Math.cos(camera.pitch), Math.sin(camera.pitch), Math.cos(camera.yaw) * Math.cos(camera.pitch),
    ];
    const right = unit(cross([0, 1, 0], back));
    const up = cross(back, right);
    const rows = [right, up, back];
    const eye = camera.target.map((x, k) => x + camera.distance_m * back[k]);
    if (this.fast) {
      lightVertices(this.face, rows, this.shades);
      if (this.stale) this.leaveOutTheBack(eye);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.positions);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.face.positions);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.light);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.fast ? this.shades : this.face.normals);
    const scale = (2 * camera.distance_m) / camera.extent_m;
    const short = Math.min(width, height);
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(places.axes, true, rows.flat());
    gl.uniform3fv(places.eye, eye);
    gl.uniform4f(places.lens, scale * short / width, scale * short / height, 0.05, 5);
    gl.drawElements(gl.TRIANGLES, this.corners, gl.UNSIGNED_INT, 0);
    this.stale = this.moved = false;
    return true;
  }

  leaveOutTheBack(eye) {
    const { gl } = this;
    const seen = facingTriangles(this.face, eye);
    gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 0, seen);
    this.corners = seen.length;
  }
}
