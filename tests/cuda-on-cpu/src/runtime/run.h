// Runs a grid, block after block.
#pragma once
#include "memory.h"

extern "C" {
struct Parameter { u32 bytes, pointer; };
struct Kernel {
  const char* name; void (*body)(void**);
  u32 parameters; const Parameter* parameter;
  u32 shared, most_threads, required[3];
};
struct Variable { const char* name; u64 address, bytes; };
struct Launch {
  const Kernel* kernel; void** arguments;
  u32 grid[3], block[3], dynamic, order; u64 seed; u32 races;
  device::Finder finder; const void* table; char* report; u64 room;
};
}

namespace device {
static void prepare(const Launch& launch) {
  const Kernel& kernel = *launch.kernel;
  const u32 *grid = launch.grid, *block = launch.block;
  grid_size = {grid[0], grid[1], grid[2]}; block_size = {block[0], block[1], block[2]};
  count = block[0] * block[1] * block[2];
  kernel_body = kernel.body; kernel_arguments = launch.arguments;
  error = 0; report[0] = 0;
  order = launch.order; random_state = launch.seed;
  finder = launch.finder; finder_table = launch.table;
  dynamic_start = (kernel.shared + 15) / 16 * 16;
  shared_bytes = launch.dynamic ? dynamic_start + launch.dynamic : kernel.shared;
  watch_races = launch.races;
  for (u32 i = 0; i < count; ++i) threads[i].index = {i % block[0], i / block[0] % block[1], i / block[0] / block[1]};
  for (u32 i = 0; i < count; ++i) start_order[i] = (u16)(order == REVERSED ? count - 1 - i : i);
  if (order == SHUFFLED) for (u32 i = count; i-- > 1;) std::swap(start_order[i], start_order[random_number() % (i + 1)]);
}
static void begin_block() {
  for (u32 i = 0; i < count; ++i) { threads[i].state = State::Fresh; turn[i] = 0; }
  done = started = woken_first = woken_count = 0;
  for (Barrier& barrier : barriers) barrier = {};
  for (u32 warp = 0; warp * LANES < count; ++warp) {
    u32 lanes = count - warp * LANES;
    warps[warp] = {lanes >= LANES ? 0xffffffffu : (1u << lanes) - 1, 0, 0};
  }
  ++block_epoch;
  std::memset(shared_memory, 0xff, shared_bytes);  // not a number, so that a forgotten write shows
}
static void explain_dead_lock() {
  u32 at_barrier = 0, at_warp = 0, stuck = count;
  for (u32 i = 0; i < count; ++i) {
    at_barrier += threads[i].state == State::AtBarrier; at_warp += threads[i].state == State::AtWarp;
    if (stuck == count && threads[i].state != State::Done) stuck = i;
  }
  current = stuck;
  error = LAUNCH_FAILED;
  const Index& t = threads[stuck].index;
  std::snprintf(report, sizeof report, "block (%u,%u,%u) thread (%u,%u,%u): dead-lock, %u threads wait at a barrier, %u for lanes of their warp, %u have ended, at `%s`",
                block_index.x, block_index.y, block_index.z, t.x, t.y, t.z, at_barrier, at_warp, done, site_texts[threads[stuck].site]);
}
static void run_block() {
  begin_block();
  current = start_order[started++];
  threads[current].state = State::Running; threads[current].fiber = (u16)take_fiber();
  switch_stack(&scheduler_sp, fibers[threads[current].fiber].sp);  // comes back when nobody can run
  if (!error && done < count) explain_dead_lock();
}
static int run_grid(const Launch& launch) {
  prepare(launch);
  for (u32 z = 0; z < grid_size.z; ++z) for (u32 y = 0; y < grid_size.y; ++y) for (u32 x = 0; x < grid_size.x; ++x) {
    block_index = {x, y, z};
    run_block();
    if (error) {
      idle_count = fibers_made = 0;  // whatever was on the stacks is forgotten
      std::snprintf(launch.report, launch.room, "kernel %s %s", launch.kernel->name, report);
      return error;
    }
  }
  return 0;
}
}
