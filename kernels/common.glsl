// What the shaders share.
//
// A kernel is written as a CUDA kernel is; glsl.go makes a shader of it. An operand x,
// declared as float x[], is a window of a buffer: x[k] is its element k, x_at the
// element of the buffer where it begins, or absent.
//
// Compilers may assume that nothing is NaN, unless a result is precise: so each one
// is. They may not multiply by a literal 0 then either, because they drop that product.

// EACH(k, n) loops over k = 0..n-1, spread over any number of groups.
#define EACH(k, n) for (uint k = gl_GlobalInvocationID.x; k < n; k += gl_NumWorkGroups.x * GROUP)

// EACH_ROW(i, rows) gives each group rows of its own. In it, EACH_COLUMN(j, cols)
// spreads the columns over the invocations of the group.
#define EACH_ROW(i, rows) for (uint i = gl_WorkGroupID.x; i < rows; i += gl_NumWorkGroups.x)
#define EACH_COLUMN(j, cols) EACH_OF(j, cols, GROUP)

// EACH_OF(k, n, team) spreads k = 0..n-1 over a team of invocations of the group. One
// of a large group takes TURNS at a time, which a compiler unrolls: so they are one
// iteration for those that limit how often a loop may run.
const uint TURNS = GROUP == 1024u ? 4u : 1u;
#define EACH_OF(k, n, team) \
  for (uint head = gl_LocalInvocationIndex % team; head < n; head += team * TURNS) \
    for (uint turn = 0u, k = head; turn < TURNS; turn++, k += team) if (k < n)

// SET(element, value) is element = value, where value is precise.
#define SET(element, value) { precise float exactly = value; element = exactly; }

const uint absent = 0xffffffffu;

#define infinity uintBitsToFloat(0x7f800000u)

bool is_nan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }

bool is_first() { return gl_LocalInvocationIndex == 0u; }

// meet waits until the whole group is here. What it has written to shared memory can
// then be read.
void meet() {
  memoryBarrierShared();
  barrier();
}

shared float scratch[GROUP];

// group_sum adds x of the whole group. All of it must call it, and all get the result.
float group_sum(float x) {
  uint t = gl_LocalInvocationIndex;
  meet();  // the reduction before may still be reading scratch
  scratch[t] = x;
  for (uint reach = GROUP / 2u; reach > 0u; reach /= 2u) {
    meet();
    if (t < reach) SET(scratch[t], scratch[t] + scratch[t + reach])
  }
  meet();
  return scratch[0];
}

// group_max is group_sum for the largest x. It leaves NaN out.
float group_max(float x) {
  uint t = gl_LocalInvocationIndex;
  meet();
  scratch[t] = x;
  for (uint reach = GROUP / 2u; reach > 0u; reach /= 2u) {
    meet();
    if (t < reach && scratch[t + reach] > scratch[t]) scratch[t] = scratch[t + reach];
  }
  meet();
  return scratch[0];
}
