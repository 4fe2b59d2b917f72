// One fiber per CUDA thread of a block: who runs next, and how one hands over to another.
//
// A fiber runs thread after thread until one has to wait, so a kernel without barriers never switches.
// Blocks run one after another. A correct kernel gives the same result in every order of threads.
#pragma once
#include "numbers.h"
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <utility>

namespace device {
constexpr u32 MOST_THREADS = 1024, LANES = 32;
constexpr size_t STACK = 192 * 1024, GUARD = 64 * 1024;
struct Index { u32 x, y, z; };
enum class State : u8 { Fresh, Running, AtBarrier, AtWarp, Done };
enum Order : u32 { FORWARD, REVERSED, SHUFFLED };

struct Thread { State state; u16 fiber; Index index; u32 site; };
static Thread threads[MOST_THREADS];
static u32 count, current, done;
static Index block_index, block_size, grid_size;

struct Fiber { u8* stack; void* sp; };
static Fiber fibers[MOST_THREADS];
static u32 fibers_made, idle[MOST_THREADS], idle_count;
static void* scheduler_sp;

static u16 woken[MOST_THREADS]; static u32 woken_first, woken_count;
static u16 start_order[MOST_THREADS]; static u32 started;
static u32 order; static u64 random_state;

static void (*kernel_body)(void**); static void** kernel_arguments;
static const char* const* site_texts;
static int error; static char report[1024];

extern "C" __attribute__((visibility("hidden"))) void switch_stack(void** save, void* to);
#if defined(__x86_64__)
asm(".text\n.local switch_stack\n.type switch_stack,@function\nswitch_stack:\n"
    "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
    "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
    "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n"
    ".size switch_stack,.-switch_stack\n");
static void* first_frame(u8* top, void (*entry)()) {
  void** sp = (void**)top;
  *--sp = nullptr; *--sp = (void*)entry;
  for (int saved = 0; saved < 6; ++saved) *--sp = nullptr;
  return sp;
}
#elif defined(__aarch64__)
asm(".text\n.local switch_stack\n.type switch_stack,%function\nswitch_stack:\n"
    "sub sp,sp,#160\nstp x19,x20,[sp]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\n"
    "stp x27,x28,[sp,#64]\nstp x29,x30,[sp,#80]\nstp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\n"
    "stp d12,d13,[sp,#128]\nstp d14,d15,[sp,#144]\nmov x2,sp\nstr x2,[x0]\nmov sp,x1\n"
    "ldp x19,x20,[sp]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\n"
    "ldp x27,x28,[sp,#64]\nldp x29,x30,[sp,#80]\nldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\n"
    "ldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\nadd sp,sp,#160\nret\n");
static void* first_frame(u8* top, void (*entry)()) {
  u8* sp = top - 160;
  std::memset(sp, 0, 160); std::memcpy(sp + 88, &entry, sizeof entry);
  return sp;
}
#else
#error "write switch_stack for this processor"
#endif

// CUresult of what a kernel can do wrong.
enum { ILLEGAL_ADDRESS = 700, ASSERTED = 710, MISALIGNED = 716, LAUNCH_FAILED = 719 };

// Keeps the first report, with the place in the PTX.
static void record(int code, u32 site, const char* format, va_list arguments) {
  if (error) return;
  error = code;
  const Index& t = threads[current].index;
  int used = std::snprintf(report, sizeof report, "block (%u,%u,%u) thread (%u,%u,%u): ", block_index.x,
                           block_index.y, block_index.z, t.x, t.y, t.z);
  used += std::vsnprintf(report + used, sizeof report - used, format, arguments);
  if (site && used < (int)sizeof report)
    std::snprintf(report + used, sizeof report - used, ", at `%s`", site_texts[site]);
}
// The kernel ends here: its fibers are left as they are.
[[noreturn, gnu::cold, gnu::format(printf, 3, 4)]] static void fail(int code, u32 site, const char* format, ...) {
  va_list arguments; va_start(arguments, format); record(code, site, format, arguments); va_end(arguments);
  switch_stack(&fibers[threads[current].fiber].sp, scheduler_sp);
  __builtin_unreachable();
}

static inline u32 random_number() {
  random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
  return (u32)(random_state >> 33);
}
static inline void wake(u32 thread) {
  threads[thread].state = State::Running;
  woken[(woken_first + woken_count++) % MOST_THREADS] = (u16)thread;
}
static inline u32 take_woken() {
  u32 which = order == FORWARD ? 0 : order == REVERSED ? woken_count - 1 : random_number() % woken_count;
  u32 place = (woken_first + which) % MOST_THREADS, last = (woken_first + --woken_count) % MOST_THREADS;
  u32 thread = woken[place];
  if (which == 0) woken_first = (woken_first + 1) % MOST_THREADS; else woken[place] = woken[last];
  return thread;
}
// The next thread to run, or -1 where all wait.
static inline int next_thread() {
  bool fresh = started < count;
  if (woken_count && (!fresh || order != SHUFFLED || random_number() & 1)) return (int)take_woken();
  return fresh ? start_order[started++] : -1;
}

// A module that is unloaded gives its stacks back.
[[gnu::destructor]] static void unmap_stacks() {
  for (Fiber& fiber : fibers)
    if (fiber.stack) munmap(fiber.stack - GUARD, STACK + GUARD);
}

static void run_threads();
static u32 take_fiber() {
  if (idle_count) return idle[--idle_count];
  Fiber& fiber = fibers[fibers_made];
  if (!fiber.stack) {
    void* map = mmap(nullptr, STACK + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) { std::fprintf(stderr, "[cuda-on-cpu] no memory for a thread's stack\n"); std::abort(); }
    mprotect(map, GUARD, PROT_NONE);
    fiber.stack = (u8*)map + GUARD;
  }
  fiber.sp = first_frame(fiber.stack + STACK, run_threads);
  return fibers_made++;
}
// Gives the processor to whoever can run; to the scheduler where nobody can.
static inline void hand_over(u32 fiber) {
  int next = error ? -1 : next_thread();
  if (next < 0) { switch_stack(&fibers[fiber].sp, scheduler_sp); return; }
  Thread& thread = threads[next];
  if (thread.state == State::Fresh) { thread.state = State::Running; thread.fiber = (u16)take_fiber(); }
  current = (u32)next;
  if (thread.fiber != fiber) switch_stack(&fibers[fiber].sp, fibers[thread.fiber].sp);
}
static inline void wait_as(State state, u32 site) {
  u32 fiber = threads[current].fiber;
  threads[current].state = state; threads[current].site = site;
  hand_over(fiber);
}
static void thread_ended();
static void run_threads() {
  for (;;) {
    kernel_body(kernel_arguments);
    u32 fiber = threads[current].fiber;
    threads[current].state = State::Done; ++done;
    thread_ended();
    if (order == FORWARD && !error && !woken_count && started < count) {
      current = start_order[started++];
      threads[current].state = State::Running; threads[current].fiber = (u16)fiber;
      continue;
    }
    idle[idle_count++] = fiber;
    hand_over(fiber);
  }
}
}
