// The memory a kernel sees. Every access is checked to the byte: global memory against the device's list
// of live allocations, shared memory against the block's size, local memory against the thread's stack.
#pragma once
#include "barriers.h"

namespace device {
// Asks the device which allocation holds an address; false where none does, with words about it.
typedef bool (*Finder)(const void* table, u64 address, u64* start, u64* end, char* words, size_t room);
static Finder finder; static const void* finder_table;

// What an instruction found last: it is checked with one comparison while it stays in there.
struct Seen { u64 start, room; };
extern Seen seen[];

constexpr u32 MOST_SHARED = 227 * 1024;
alignas(256) static u8 shared_memory[MOST_SHARED];
static u32 shared_bytes, dynamic_start;

// ---- races in shared memory: who touched a byte last, and since which barrier.
struct Touch { u32 block_epoch, warp_epoch; u16 thread; bool atomic; };
static Touch written[MOST_SHARED], read_by[MOST_SHARED];
static bool watch_races;
enum Access { READ, WRITE, ATOMIC };

static inline bool unordered(const Touch& touch, Access access) {
  if (touch.block_epoch != block_epoch || touch.thread == current) return false;
  if (touch.atomic && access == ATOMIC) return false;
  bool same_warp = touch.thread / LANES == current / LANES;
  return !same_warp || touch.warp_epoch == warp_epoch[current / LANES];
}
[[gnu::noinline]] static void watch(u64 start, u64 bytes, Access access, u32 site) {
  Touch now = {block_epoch, warp_epoch[current / LANES], (u16)current, access == ATOMIC};
  for (u64 byte = start; byte < start + bytes; ++byte) {
    if (unordered(written[byte], access))
      fail(LAUNCH_FAILED, site, "a race: shared byte %u was written by thread %u, and no barrier lies between", (u32)byte, written[byte].thread);
    if (access != READ && unordered(read_by[byte], access))
      fail(LAUNCH_FAILED, site, "a race: shared byte %u was read by thread %u, and no barrier lies between", (u32)byte, read_by[byte].thread);
    (access == READ ? read_by : written)[byte] = now;
  }
}

static inline u8* shared_at(u64 offset, u64 bytes, Access access, u32 site) {
  if (__builtin_expect(offset > shared_bytes || bytes > shared_bytes - offset, 0))
    fail(ILLEGAL_ADDRESS, site, "%u bytes at offset %lld of the block's %u bytes of shared memory", (u32)bytes, (long long)offset, shared_bytes);
  if (__builtin_expect(offset & (bytes - 1), 0)) fail(MISALIGNED, site, "misaligned: %u bytes at shared offset %u", (u32)bytes, (u32)offset);
  if (__builtin_expect(watch_races, 1)) watch(offset, bytes, access, site);
  return shared_memory + offset;
}
static inline bool in_stack(u64 address, u64 bytes) {
  u64 start = (u64)fibers[threads[current].fiber].stack;
  return address >= start && address + bytes <= start + STACK;
}
static inline u8* local_at(u64 address, u64 bytes, Access, u32 site) {
  if (address & (bytes - 1)) fail(MISALIGNED, site, "misaligned: %u bytes at local ...%x", (u32)bytes, (u32)address);
  if (!in_stack(address, bytes)) fail(ILLEGAL_ADDRESS, site, "%u bytes at 0x%llx are not in local memory", (u32)bytes, (unsigned long long)address);
  return (u8*)address;
}
[[gnu::noinline]] static void look_up(u64 address, u64 bytes, u32 site) {
  u64 start, end; char words[300];
  if (!finder(finder_table, address, &start, &end, words, sizeof words))
    fail(ILLEGAL_ADDRESS, site, "%u bytes at 0x%llx: %s", (u32)bytes, (unsigned long long)address, words);
  if (address + bytes > end)
    fail(ILLEGAL_ADDRESS, site, "%u bytes at 0x%llx: offset %llu of an allocation of %llu bytes", (u32)bytes,
         (unsigned long long)address, (unsigned long long)(address - start), (unsigned long long)(end - start));
  seen[site] = {start, end - start - bytes + 1};
}
static inline u8* global_at(u64 address, u64 bytes, Access, u32 site) {
  if (__builtin_expect(address & (bytes - 1), 0)) fail(MISALIGNED, site, "misaligned: %u bytes at ...%04x", (u32)bytes, (u32)address & 0xffff);
  if (__builtin_expect(address - seen[site].start >= seen[site].room, 0)) look_up(address, bytes, site);
  return (u8*)address;
}
// An address that may lie in any space: shared memory is a window of it.
static inline u8* generic_at(u64 address, u64 bytes, Access access, u32 site) {
  u64 offset = address - (u64)shared_memory;
  if (offset < MOST_SHARED) return shared_at(offset, bytes, access, site);
  if (in_stack(address, bytes)) return local_at(address, bytes, access, site);
  return global_at(address, bytes, access, site);
}
// Parameters: the translator wrote the place itself.
static inline u8* param_at(u64 address, u64, Access, u32) { return (u8*)address; }

template <class T> static inline T take(const u8* from) { T word; std::memcpy(&word, from, sizeof word); return word; }
template <class T> static inline void put(u8* to, T word) { std::memcpy(to, &word, sizeof word); }
}
