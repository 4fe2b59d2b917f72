// Where threads wait for each other: the barriers of a block, and the exchanges of a warp.
#pragma once
#include "fibers.h"

namespace device {
constexpr u32 BARRIERS = 16;
// A barrier that some threads have reached: how many it waits for, and whose call came first.
struct Barrier { u32 arrived, wanted, site, first; u32 votes; };
static Barrier barriers[BARRIERS];
static u32 barrier_votes[BARRIERS];
// Counted up at every barrier of the block and every exchange of a warp, so that accesses can be ordered.
static u32 block_epoch, warp_epoch[MOST_THREADS / LANES];

static void release(u32 id) {
  Barrier& barrier = barriers[id];
  barrier_votes[id] = barrier.votes;
  barrier = {};
  ++block_epoch;
  for (u32 thread = 0; thread < count; ++thread)
    if (threads[thread].state == State::AtBarrier) wake(thread);
}

// `wanted` is 0 for all threads of the block. Gives the number of threads whose vote was true.
[[gnu::noinline]] static u32 barrier_wait(u32 id, u32 wanted, bool vote, u32 site) {
  if (id >= BARRIERS) fail(LAUNCH_FAILED, site, "barrier %u does not exist", id);
  if (wanted && (wanted % LANES || wanted > count)) fail(LAUNCH_FAILED, site, "a barrier of %u threads", wanted);
  if (wanted && wanted != count) fail(LAUNCH_FAILED, site, "a barrier of %u of %u threads is not implemented", wanted, count);
  Barrier& barrier = barriers[id];
  for (u32 other = 0; other < BARRIERS; ++other)
    if (other != id && barriers[other].arrived)
      fail(LAUNCH_FAILED, site, "divergent barriers: thread %u waits at barrier %u, this one at %u", barriers[other].first, other, id);
  if (barrier.arrived && barrier.site != site)
    fail(LAUNCH_FAILED, site, "divergent barriers: thread %u waits at another one, `%s`", barrier.first, site_texts[barrier.site]);
  if (done) fail(LAUNCH_FAILED, site, "a barrier after %u of %u threads have ended", done, count);
  if (!barrier.arrived) { barrier.first = current; barrier.site = site; }
  barrier.votes += vote;
  if (++barrier.arrived == count) { threads[current].state = State::AtBarrier; release(id); hand_over(threads[current].fiber); }
  else wait_as(State::AtBarrier, site);
  return barrier_votes[id];
}

// ---- warps: all lanes of the mask meet, and then read what the others brought.
struct Warp { u32 exist, ended, arrived; };
static Warp warps[MOST_THREADS / LANES];
static u32 mask_of[MOST_THREADS];
static u64 brought[2][MOST_THREADS]; static u8 turn[MOST_THREADS];

[[gnu::noinline]] static void meet(u32 mask, u32 site) {
  u32 me = current, number = me / LANES, lane = 1u << (me % LANES);
  Warp& warp = warps[number];
  u32 wanted = mask & warp.exist;
  if (!(mask & lane)) fail(LAUNCH_FAILED, site, "mask 0x%08x lacks the calling lane %u", mask, me % LANES);
  if (warp.ended & mask) fail(LAUNCH_FAILED, site, "lanes 0x%08x of the mask have exited", warp.ended & mask);
  mask_of[me] = mask; threads[me].site = site; warp.arrived |= lane;
  if ((warp.arrived & wanted) != wanted) { wait_as(State::AtWarp, site); return; }
  for (u32 rest = wanted; rest; rest &= rest - 1) {
    u32 other = number * LANES + (u32)__builtin_ctz(rest);
    if (mask_of[other] != mask || threads[other].site != site)
      fail(LAUNCH_FAILED, site, "lane %u of the warp waits elsewhere, at `%s` with mask 0x%08x", other % LANES,
           site_texts[threads[other].site], mask_of[other]);
  }
  warp.arrived &= ~wanted;
  ++warp_epoch[number];
  for (u32 rest = wanted & ~lane; rest; rest &= rest - 1) wake(number * LANES + (u32)__builtin_ctz(rest));
  if (order == FORWARD) { threads[me].state = State::Running; return; }
  wake(me); hand_over(threads[me].fiber);
}
// Brings a word and gives the side of the table where the others' lie: two sides, because a fast lane may
// bring its next word before a slow one has read this.
static inline u64* bring(u64 word, u32 mask, u32 site) {
  u32 me = current; u64* side = brought[turn[me]++ & 1];
  side[me] = word;
  meet(mask, site);
  return side + me / LANES * LANES;
}
static void thread_ended() {
  Warp& warp = warps[current / LANES];
  u32 lane = 1u << (current % LANES);
  warp.ended |= lane;
  for (const Barrier& barrier : barriers)
    if (barrier.arrived && !error) {
      // Threads that ended while others wait: a barrier in a branch that not all take.
      error = LAUNCH_FAILED;
      const Index& t = threads[barrier.first].index;
      std::snprintf(report, sizeof report, "block (%u,%u,%u) thread (%u,%u,%u): waits at a barrier that thread %u never reached, at `%s`",
                    block_index.x, block_index.y, block_index.z, t.x, t.y, t.z, current, site_texts[barrier.site]);
    }
}
}
