// Registers hold bits; these functions read a register as a number of a PTX type and give its bits back.
#pragma once
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
typedef int8_t s8; typedef int16_t s16; typedef int32_t s32; typedef int64_t s64;
typedef __int128 s128; typedef unsigned __int128 u128;
typedef float f32; typedef double f64;
// Sixteen-bit floats, alone and in pairs: bits only, so that no compiler's own half type is needed.
struct f16 { u16 bits; }; struct bf16 { u16 bits; };
struct f16x2 { u32 bits; }; struct bf16x2 { u32 bits; };

enum Rounding { NEAREST, TO_ZERO, DOWN, UP };

template <class To, class From> static inline To reinterpret(From from) {
  static_assert(sizeof(To) == sizeof(From), "sizes differ");
  To to; std::memcpy(&to, &from, sizeof to); return to;
}

template <class T, class Register> static inline T value(Register bits) {
  if constexpr (std::is_same_v<T, f32>) return reinterpret<f32>((u32)bits);
  else if constexpr (std::is_same_v<T, f64>) return reinterpret<f64>((u64)bits);
  else if constexpr (std::is_same_v<T, f16> || std::is_same_v<T, bf16>) return T{(u16)bits};
  else if constexpr (std::is_same_v<T, f16x2> || std::is_same_v<T, bf16x2>) return T{(u32)bits};
  else return (T)bits;
}
static inline u32 raw(f32 x) { return reinterpret<u32>(x); }
static inline u64 raw(f64 x) { return reinterpret<u64>(x); }
static inline u16 raw(f16 x) { return x.bits; }
static inline u16 raw(bf16 x) { return x.bits; }
static inline u32 raw(f16x2 x) { return x.bits; }
static inline u32 raw(bf16x2 x) { return x.bits; }
template <class T> static inline std::enable_if_t<std::is_integral_v<T>, T> raw(T x) { return x; }

// `.ftz`: a subnormal number becomes a zero of its sign.
static inline f32 flush(f32 x) { return std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; }
template <class T> static inline T saturate(T x) { return !(x > 0) ? 0 : x > 1 ? 1 : x; }

// The sum of two numbers, rounded to odd: rounding it again to a narrower format is then as if there had
// been one rounding only (Boldo and Melquiond, 2008).
static inline f64 add_to_odd(f64 a, f64 b) {
  f64 sum = a + b;
  if (!std::isfinite(sum)) return sum;
  f64 back = sum - a, rest = (a - (sum - back)) + (b - back);
  u64 bits = raw(sum);
  if (rest != 0 && !(bits & 1)) bits += ((rest > 0) == (sum > 0)) ? 1 : -1;
  return reinterpret<f64>(bits);
}
// The product of two floats is exact in double, so their fused product and sum needs one rounding to odd.
static inline f64 fused_to_odd(f64 a, f64 b, f64 c) { return add_to_odd(a * b, c); }

static inline f32 narrow(f64 x, Rounding rounding) {
  f32 y = (f32)x;
  if (rounding == NEAREST || x != x || (f64)y == x) return y;
  if (rounding == TO_ZERO) rounding = x > 0 ? DOWN : UP;
  if (rounding == DOWN && (f64)y > x) return std::nextafter(y, -INFINITY);
  if (rounding == UP && (f64)y < x) return std::nextafter(y, INFINITY);
  return y;
}

// A float of `precision` bits (the hidden one counted) and `exponents` exponent bits, in sixteen bits.
static inline u16 half_from(f64 x, int precision, int exponents, Rounding rounding) {
  u16 sign = std::signbit(x) ? 0x8000 : 0;
  int bias = (1 << (exponents - 1)) - 1, stored = precision - 1;
  u16 infinity = (u16)(((1 << exponents) - 1) << stored);
  if (x != x) return 0x7fff;
  f64 size = std::fabs(x);
  if (std::isinf(size)) return sign | infinity;
  int exponent = size == 0 ? 1 - bias : std::ilogb(size);
  if (exponent < 1 - bias) exponent = 1 - bias;
  f64 unit = std::ldexp(1.0, exponent - stored), steps = size / unit;
  f64 whole = std::floor(steps);
  bool up = rounding == NEAREST ? steps - whole > 0.5 || (steps - whole == 0.5 && std::fmod(whole, 2) != 0)
          : rounding == TO_ZERO ? false : steps != whole && (rounding == UP) != (sign != 0);
  u32 count = (u32)whole + up;
  // A full mantissa carries into the exponent by itself.
  u32 bits = ((u32)(exponent + bias - 1) << stored) + count;
  if (bits >= infinity) return rounding == NEAREST || (rounding == UP) == (sign == 0 && rounding != TO_ZERO) ? sign | infinity : sign | (infinity - 1);
  return sign | (u16)bits;
}
static inline f64 half_to(u16 bits, int precision, int exponents) {
  int bias = (1 << (exponents - 1)) - 1, stored = precision - 1;
  int exponent = (bits & 0x7fff) >> stored, mantissa = bits & ((1 << stored) - 1);
  f64 size = exponent == (1 << exponents) - 1 ? (mantissa ? NAN : INFINITY)
           : exponent == 0 ? std::ldexp((f64)mantissa, 1 - bias - stored)
                           : std::ldexp((f64)(mantissa + (1 << stored)), exponent - bias - stored);
  return bits & 0x8000 ? -size : size;
}
static inline f64 wide(f16 x) { return half_to(x.bits, 11, 5); }
static inline f64 wide(bf16 x) { return (f64)reinterpret<f32>((u32)x.bits << 16); }
static inline f64 wide(f32 x) { return x; }
static inline f64 wide(f64 x) { return x; }
template <class T> static inline T round_to(f64 x, Rounding rounding) {
  if constexpr (std::is_same_v<T, f16>) return f16{half_from(x, 11, 5, rounding)};
  else if constexpr (std::is_same_v<T, bf16>) return bf16{half_from(x, 8, 8, rounding)};
  else if constexpr (std::is_same_v<T, f32>) return narrow(x, rounding);
  else return x;
}
