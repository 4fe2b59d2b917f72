// What PTX instructions do, one function for each: the translator writes calls of these.
#pragma once
#include "run.h"

using namespace device;

// ---- arithmetic
template <class T> constexpr bool is_half = std::is_same_v<T, f16> || std::is_same_v<T, bf16>;
template <class T> constexpr bool is_pair = std::is_same_v<T, f16x2> || std::is_same_v<T, bf16x2>;
template <class T> using Lane = std::conditional_t<std::is_same_v<T, f16x2>, f16, bf16>;

template <class T, class F> static inline T by_lanes(F f, T a, T b = {}, T c = {}) {
  u32 bits = 0;
  for (int shift = 0; shift < 32; shift += 16)
    bits |= (u32)f(Lane<T>{(u16)(a.bits >> shift)}, Lane<T>{(u16)(b.bits >> shift)}, Lane<T>{(u16)(c.bits >> shift)}).bits << shift;
  return T{bits};
}
// Rounded other than to nearest: the processor's own rounding is turned for one operation.
template <class T, class F> [[gnu::noinline]] static T turned(Rounding rounding, F f) {
  std::fesetround(rounding == DOWN ? FE_DOWNWARD : rounding == UP ? FE_UPWARD : FE_TOWARDZERO);
  volatile T result = f();
  std::fesetround(FE_TONEAREST);
  return result;
}
#define ARITHMETIC(name, sign)                                                                              \
  template <class T> static inline T name(T a, T b, Rounding rounding = NEAREST) {                          \
    if constexpr (is_pair<T>) return by_lanes([](auto x, auto y, auto) { return name(x, y); }, a, b);       \
    else if constexpr (is_half<T>) return round_to<T>(wide(a) sign wide(b), NEAREST);                       \
    else if constexpr (std::is_integral_v<T>) return (T)((u64)a sign (u64)b);                               \
    else { if (rounding == NEAREST) return a sign b;                                                        \
           return turned<T>(rounding, [&] { volatile T x = a, y = b; return x sign y; }); }                 \
  }
ARITHMETIC(add, +) ARITHMETIC(sub, -) ARITHMETIC(mul, *)

template <class T> static inline T fma(T a, T b, T c, Rounding rounding = NEAREST) {
  if constexpr (is_pair<T>) return by_lanes([](auto x, auto y, auto z) { return fma(x, y, z); }, a, b, c);
  else if constexpr (is_half<T>) return round_to<T>(fused_to_odd(wide(a), wide(b), wide(c)), NEAREST);
  else if constexpr (std::is_same_v<T, f32>) return rounding == NEAREST ? std::fma(a, b, c) : narrow(fused_to_odd(a, b, c), rounding);
  else { if (rounding == NEAREST) return std::fma(a, b, c);
         return turned<T>(rounding, [&] { volatile T x = a, y = b, z = c; return std::fma(x, y, z); }); }
}
template <class T> static inline T divide(T a, T b, Rounding rounding = NEAREST) {
  if constexpr (std::is_integral_v<T>) {
    // On the device a division by zero gives all ones, and traps nowhere.
    if (b == 0) return (T)-1;
    if constexpr (std::is_signed_v<T>) if (b == -1) return (T)(0 - (u64)a);
    return a / b;
  } else { if (rounding == NEAREST) return a / b;
           return turned<T>(rounding, [&] { volatile T x = a, y = b; return x / y; }); }
}
template <class T> static inline T remainder_of(T a, T b) {
  if (b == 0) return a;
  if constexpr (std::is_signed_v<T>) if (b == -1) return 0;
  return a % b;
}
template <class T> static inline T root(T a, Rounding rounding = NEAREST) {
  if (rounding == NEAREST) return std::sqrt(a);
  return turned<T>(rounding, [&] { volatile T x = a; return std::sqrt(x); });
}
template <class T> static inline T reciprocal_root(T a) { return (T)(1 / std::sqrt((f64)a)); }
// The units that approximate: rounded correctly here, a bit or two off on a device.
template <class T> static inline T exp2_of(T a) { return (T)std::exp2((f64)a); }
template <class T> static inline T log2_of(T a) { return (T)std::log2((f64)a); }
template <class T> static inline T sine(T a) { return (T)std::sin((f64)a); }
template <class T> static inline T cosine(T a) { return (T)std::cos((f64)a); }
template <class T> static inline T tanh_of(T a) { return (T)std::tanh((f64)a); }

template <class T> static inline bool is_nan(T a) {
  if constexpr (std::is_integral_v<T>) return false; else return wide(a) != wide(a);
}
template <class T> static inline bool less(T a, T b) {
  if constexpr (is_half<T>) return wide(a) < wide(b); else return a < b;
}
template <class T> static inline bool same(T a, T b) {
  if constexpr (is_half<T>) return wide(a) == wide(b); else return a == b;
}
template <class T> static inline T not_a_number() {
  if constexpr (is_half<T>) return T{0x7fff}; else return std::numeric_limits<T>::quiet_NaN();
}
// Of a number and a NaN the number, unless `.NaN` asks for the other; -0 is less than +0.
template <bool LEAST, bool NAN_WINS = false, class T> static inline T extreme(T a, T b) {
  if constexpr (is_pair<T>) return by_lanes([](auto x, auto y, auto) { return extreme<LEAST, NAN_WINS>(x, y); }, a, b);
  else if constexpr (std::is_integral_v<T>) return LEAST == (a < b) ? a : b;
  else {
    if (is_nan(a) || is_nan(b)) return NAN_WINS || (is_nan(a) && is_nan(b)) ? not_a_number<T>() : is_nan(a) ? b : a;
    if (same(a, b)) return std::signbit(wide(a)) == LEAST ? a : b;
    return less(a, b) == LEAST ? a : b;
  }
}
template <class T> static inline T negative(T a) {
  if constexpr (is_pair<T>) return T{a.bits ^ 0x80008000u};
  else if constexpr (is_half<T>) return T{(u16)(a.bits ^ 0x8000)};
  else if constexpr (std::is_integral_v<T>) return (T)(0 - (u64)a);
  else return -a;
}
template <class T> static inline T absolute(T a) {
  if constexpr (is_pair<T>) return T{a.bits & 0x7fff7fffu};
  else if constexpr (is_half<T>) return T{(u16)(a.bits & 0x7fff)};
  else if constexpr (std::is_integral_v<T>) return a < 0 ? (T)(0 - (u64)a) : a;
  else return std::fabs(a);
}

// ---- integers
template <class T> struct Twice;
template <> struct Twice<u16> { typedef u32 type; }; template <> struct Twice<s16> { typedef s32 type; };
template <> struct Twice<u32> { typedef u64 type; }; template <> struct Twice<s32> { typedef s64 type; };
template <> struct Twice<u64> { typedef u128 type; }; template <> struct Twice<s64> { typedef s128 type; };
template <class T> static inline typename Twice<T>::type mul_wide(T a, T b) { return (typename Twice<T>::type)a * b; }
template <class T> static inline T mul_hi(T a, T b) { return (T)(mul_wide(a, b) >> (8 * sizeof(T))); }

// The carry of `.cc` goes in and out by reference: a subtraction's is a borrow.
template <class T> static inline T add_carry(T a, T b, bool in, u32& carry) {
  u128 sum = (u128)a + b + in; carry = (u32)(sum >> (8 * sizeof(T))) & 1; return (T)sum;
}
template <class T> static inline T sub_borrow(T a, T b, bool in, u32& borrow) {
  u128 gap = (u128)a - b - in; borrow = (u32)(gap >> (8 * sizeof(T))) & 1; return (T)gap;
}
template <class T> static inline T shift_left(T a, u32 by) { return by >= 8 * sizeof(T) ? 0 : (T)((u64)a << by); }
template <class T> static inline T shift_right(T a, u32 by) {
  if (by >= 8 * sizeof(T)) return a < 0 ? (T)-1 : 0;
  return (T)(a >> by);
}
static inline u32 funnel(u32 low, u32 high, u32 by, bool left, bool wrap) {
  u64 both = (u64)high << 32 | low;
  by = wrap ? by & 31 : by > 32 ? 32 : by;
  return (u32)(left ? (both << by) >> 32 : both >> by);
}
template <class T> static inline u32 ones(T a) { return (u32)__builtin_popcountll(a); }
template <class T> static inline u32 leading_zeros(T a) {
  if (a == 0) return 8 * sizeof(T);
  return (u32)__builtin_clzll((u64)a) - (64 - 8 * sizeof(T));
}
template <class T> static inline T reversed(T a) {
  T out = 0;
  for (u32 bit = 0; bit < 8 * sizeof(T); ++bit) out = (T)(out << 1 | (a >> bit & 1));
  return out;
}
template <class T> static inline T extract(T a, u32 place, u32 length) {
  typedef std::make_unsigned_t<T> U;
  constexpr u32 BITS = 8 * sizeof(T);
  place &= 255; length &= 255;
  if (length == 0) return 0;
  u32 last = place + length - 1 < BITS - 1 ? place + length - 1 : BITS - 1;
  bool negative = std::is_signed_v<T> && ((U)a >> last & 1);
  U field = place >= BITS ? 0 : (U)a >> place;
  u32 kept = place >= BITS ? 0 : BITS - place < length ? BITS - place : length;
  if (kept < BITS) { U mask = ((U)1 << kept) - 1; field = negative ? field | ~mask : field & mask; }
  return (T)field;
}
template <class T> static inline T insert(T a, T into, u32 place, u32 length) {
  constexpr u32 BITS = 8 * sizeof(T);
  place &= 255; length &= 255;
  if (place >= BITS || length == 0) return into;
  T mask = (length >= BITS ? (T)-1 : (T)(((T)1 << length) - 1)) << place;
  return (into & ~mask) | ((a << place) & mask);
}
template <class T> static inline u32 highest_bit(T a, bool as_shift) {
  typedef std::make_unsigned_t<T> U;
  U bits = a < 0 ? (U)~a : (U)a;
  if (bits == 0) return 0xffffffffu;
  u32 zeros = leading_zeros(bits);
  return as_shift ? zeros : 8 * sizeof(T) - 1 - zeros;
}
static inline u32 permute(u32 a, u32 b, u32 selector) {
  u64 bytes = (u64)b << 32 | a; u32 out = 0;
  for (u32 i = 0; i < 4; ++i) {
    u32 pick = selector >> (4 * i) & 15;
    u8 byte = (u8)(bytes >> (8 * (pick & 7)));
    if (pick & 8) byte = byte & 0x80 ? 0xff : 0;
    out |= (u32)byte << (8 * i);
  }
  return out;
}
static inline u32 by_table(u32 a, u32 b, u32 c, u32 table) {
  u32 out = 0;
  for (u32 row = 0; row < 8; ++row)
    if (table >> row & 1) out |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
  return out;
}

// ---- conversions
template <class To, class From> static inline To to_integer(From x, Rounding rounding) {
  f64 whole = wide(x);
  whole = rounding == NEAREST ? std::nearbyint(whole) : rounding == DOWN ? std::floor(whole) : rounding == UP ? std::ceil(whole) : std::trunc(whole);
  if (whole != whole) return 0;
  if (whole <= (f64)std::numeric_limits<To>::min()) return std::numeric_limits<To>::min();
  if (whole >= (f64)std::numeric_limits<To>::max()) return std::numeric_limits<To>::max();
  return (To)whole;
}
template <class To, class From> static inline To to_float(From x, Rounding rounding) {
  if constexpr (std::is_integral_v<From>) {
    // 64 bits do not fit a double: its own rounding counts there.
    if (std::is_same_v<To, f32> && rounding == NEAREST) { if constexpr (std::is_same_v<To, f32>) return (f32)x; }
    if constexpr (std::is_same_v<To, f32> || std::is_same_v<To, f64>)
      if (rounding != NEAREST) return turned<To>(rounding, [&] { volatile From y = x; return (To)y; });
    return round_to<To>((f64)x, rounding);
  } else return round_to<To>(wide(x), rounding);
}
template <class T> static inline T to_whole(T x, Rounding rounding) {
  f64 y = wide(x);
  return round_to<T>(rounding == NEAREST ? std::nearbyint(y) : rounding == DOWN ? std::floor(y) : rounding == UP ? std::ceil(y) : std::trunc(y), NEAREST);
}
template <class To, class From> static inline To clamp_integer(From x) {
  s128 y = x, low = std::numeric_limits<To>::min(), high = std::numeric_limits<To>::max();
  return (To)(y < low ? low : y > high ? high : y);
}

// ---- warps
enum Shuffle { SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_XOR, SHUFFLE_INDEX };
static inline u32 shuffle(Shuffle kind, u32 word, u32 b, u32 c, u32 mask, u32 site, bool& inside) {
  int lane = (int)(current % LANES), by = (int)(b & 31), segment = (int)(c >> 8 & 31), clamp = (int)(c & 31);
  int most = (lane & segment) | (clamp & ~segment), least = lane & segment, source;
  switch (kind) {
    case SHUFFLE_UP: source = lane - by; inside = source >= most; break;
    case SHUFFLE_DOWN: source = lane + by; inside = source <= most; break;
    case SHUFFLE_XOR: source = lane ^ by; inside = source <= most; break;
    default: source = least | (by & ~segment); inside = source <= most;
  }
  if (!inside) source = lane;
  u64* others = bring(word, mask, site);
  if (!((mask & warps[current / LANES].exist) >> source & 1))
    fail(LAUNCH_FAILED, site, "a shuffle reads lane %d, which is not in the mask or not in the block", source);
  return (u32)others[source];
}
static inline u32 ballot(bool vote, u32 mask, u32 site) {
  u64* others = bring(vote, mask, site); u32 out = 0;
  for (u32 rest = mask & warps[current / LANES].exist; rest; rest &= rest - 1) {
    u32 lane = (u32)__builtin_ctz(rest);
    if (others[lane]) out |= 1u << lane;
  }
  return out;
}
static inline u32 mask_of_block(u32 mask) { return mask & warps[current / LANES].exist; }
static inline u32 active_lanes() { return warps[current / LANES].exist & ~warps[current / LANES].ended; }

// The one run of this module's kernels, and the table where its instructions remember what they saw.
extern const u32 seen_sites; extern const char* const site_table[];
extern "C" __attribute__((visibility("default"))) int cuda_on_cpu_run(const Launch* launch) {
  std::memset(seen, 0, seen_sites * sizeof(Seen));
  site_texts = site_table;
  return run_grid(*launch);
}
