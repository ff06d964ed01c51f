// WebGL2 in one piece: a hidden canvas, one fragment shader over all of it, one picture as its texture.
// The visible canvas copies the result, so that it stays the same when a context is missing, lost or given back.

// GLSL: the bilinear sample of `picture` at a latitude and longitude, as the book samples: pixel centres, the seam
// wrapped, and a row beyond a pole read half a revolution away (hardware filtering would clamp it).
export const SPHERE_LOOKUP = `
const float PI = 3.14159265358979;
vec3 pixelAt(ivec2 at, ivec2 extent) {
  bool over = at.y < 0 || at.y >= extent.y;
  if (over) at = ivec2(at.x + extent.x / 2, at.y < 0 ? -1 - at.y : 2 * extent.y - 1 - at.y);
  at.x -= extent.x * int(floor(float(at.x) / float(extent.x)));
  return texelFetch(picture, at, 0).rgb;
}
vec3 lookup(float latitude, float longitude) {
  ivec2 extent = textureSize(picture, 0);
  vec2 place = vec2((longitude + PI) / (2.0 * PI), 0.5 - latitude / PI) * vec2(extent) - 0.5;
  ivec2 at = ivec2(floor(place));
  vec2 t = place - vec2(at);
  return mix(mix(pixelAt(at, extent), pixelAt(at + ivec2(1, 0), extent), t.x),
             mix(pixelAt(at + ivec2(0, 1), extent), pixelAt(at + ivec2(1, 1), extent), t.x), t.y);
}`;

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1), 0, 1); }`;

const HEAD = `#version 300 es
precision highp float; precision highp int; precision highp sampler2D;
uniform sampler2D picture; uniform vec2 extent; out vec4 colour;`;

function compile(gl, kind, source) {
  const shader = gl.createShader(kind);
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
    throw new Error(`A shader does not compile: ${gl.getShaderInfoLog(shader)}`);
  return shader;
}

function link(gl, fragment) {
  const program = gl.createProgram();
  for (const shader of [compile(gl, gl.VERTEX_SHADER, VERTEX), compile(gl, gl.FRAGMENT_SHADER, HEAD + fragment)]) {
    gl.attachShader(program, shader);
    gl.deleteShader(shader); // freed together with the program
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`The shaders do not link: ${gl.getProgramInfoLog(program)}`);
  return program;
}

function upload(gl, source) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.REPEAT); // longitude comes round, latitude does not
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, source);
  return texture;
}

// -> null where there is no WebGL2 or the shader does not run; else {canvas, usable(), load(picture), draw(uniforms), dispose()}.
// `fragment` defines main, writes `colour`, may read `picture` and `extent` (the canvas in pixels, y upwards).
// `onChange` is called when the context is lost (usable() is false, draw on the processor meanwhile) or comes back.
export function painter(fragment, { width, height, onChange }) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true });
  if (!gl) return null;
  let program, texture, source, usable = true;
  const build = () => {
    program = link(gl, fragment);
    if (source) texture = upload(gl, source);
  };
  const drop = () => {
    canvas.removeEventListener("webglcontextlost", lost);
    canvas.removeEventListener("webglcontextrestored", back);
    gl.deleteTexture(texture ?? null);
    gl.deleteProgram(program ?? null);
    gl.getExtension("WEBGL_lose_context")?.loseContext(); // a page may hold sixteen contexts
  };
  const lost = (event) => { event.preventDefault(); usable = false; texture = undefined; onChange(); };
  const back = () => {
    try { build(); usable = true; } catch { usable = false; }
    onChange();
  };
  canvas.addEventListener("webglcontextlost", lost);
  canvas.addEventListener("webglcontextrestored", back);
  try { build(); } catch { drop(); return null; }
  return {
    canvas,
    usable: () => usable,
    load(picture) {
      source = picture;
      if (!usable) return;
      gl.deleteTexture(texture ?? null);
      texture = upload(gl, source);
    },
    draw(uniforms) {
      gl.viewport(0, 0, width, height);
      gl.useProgram(program);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.uniform2f(gl.getUniformLocation(program, "extent"), width, height);
      for (const [name, value] of Object.entries(uniforms)) gl.uniform1f(gl.getUniformLocation(program, name), value);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    },
    dispose: drop,
  };
}
