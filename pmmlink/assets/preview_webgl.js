// Draws a face with WebGL 2, lit at every pixel as pmmlink/preview/shading.py lights it.

import { View, unit } from "/preview_view.js";

const LIGHT = `
uniform vec3 towards[3], colour[3], ambientUp, ambientDown, catchlight;
uniform float wetExponent;
vec3 lit(vec3 normal, vec3 tone, vec3 gloss) { // sRGB
  vec3 n = normalize(normal);
  vec3 diffuse = mix(ambientDown, ambientUp, n.y * 0.5 + 0.5);
  for (int k = 0; k < 3; k++) {
    diffuse += max((dot(n, towards[k]) + gloss.z) / (1.0 + gloss.z), 0.0) * colour[k];
  }
  vec3 halfway = normalize(gloss.y < wetExponent ? towards[0] + vec3(0.0, 0.0, 1.0) : catchlight);
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

/** Whether there is no graphics card, or no WebGL at all. */
export function drawnByProcessor() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return true;
  const named = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = gl.getParameter(named ? named.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(renderer);
}

export class WebGLView extends View {
  constructor(canvas, face, camera) {
    super(canvas, face, camera);
    const gl = canvas.getContext("webgl2", { antialias: window.devicePixelRatio < 1.5, alpha: false, powerPreference: "low-power" });
    if (!gl) throw new Error("this browser has no WebGL 2; open the preview without ?detail=fine");
    Object.assign(this, { gl, program: program(gl, PER_PIXEL) });
    this.upload();
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
    gl.uniform3fv(uniform("catchlight"), head.catchlight);
    gl.uniform1f(uniform("wetExponent"), head.wetExponent - 0.5); // blended across a triangle, not quite itself
    gl.uniform3fv(uniform("ambientUp"), head.ambientUp);
    gl.uniform3fv(uniform("ambientDown"), head.ambientDown);
    this.places = { axes: uniform("axes"), eye: uniform("eye"), lens: uniform("lens") };
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.CULL_FACE);
    gl.clearColor(...this.background, 1);
  }

  render(axes, eye, scale) {
    const { gl, canvas: { width, height }, places } = this;
    if (this.moved) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.positions);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.face.positions);
      gl.bindBuffer(gl.ARRAY_BUFFER, this.normals);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.face.normals);
    }
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(places.axes, true, axes.flat());
    gl.uniform3fv(places.eye, eye);
    gl.uniform4f(places.lens, 2 * scale / width, 2 * scale / height, 0.05, 5);
    gl.drawElements(gl.TRIANGLES, this.face.head.triangles.length, gl.UNSIGNED_INT, 0);
  }
}
