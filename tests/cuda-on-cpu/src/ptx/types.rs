//! The types of PTX: `.u32`, `.bf16x2`, `.pred` …

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bits,
    Unsigned,
    Signed,
    Float,
    Brain,
    Predicate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    pub kind: Kind,
    /// Of the whole: a pair of halves has 32.
    pub bits: usize,
    pub pair: bool,
}

impl Type {
    /// From a name without its dot; none where it is no type, or one that is not implemented.
    pub fn from_name(name: &str) -> Option<Self> {
        let (kind, bits, pair) = match name {
            "pred" => (Kind::Predicate, 8, false),
            "f16x2" => (Kind::Float, 32, true),
            "bf16x2" => (Kind::Brain, 32, true),
            "bf16" => (Kind::Brain, 16, false),
            _ => {
                let (kind, bits) = name.split_at_checked(1)?;
                let kind = match kind {
                    "b" => Kind::Bits,
                    "u" => Kind::Unsigned,
                    "s" => Kind::Signed,
                    "f" => Kind::Float,
                    _ => return None,
                };
                let least = if kind == Kind::Float { 16 } else { 8 };
                let bits: usize = bits.parse().ok()?;
                if !(least..=64).contains(&bits) || !bits.is_power_of_two() {
                    return None;
                }
                (kind, bits, false)
            }
        };
        Some(Self { kind, bits, pair })
    }

    pub const fn unsigned(bits: usize) -> Self {
        Self { kind: Kind::Unsigned, bits, pair: false }
    }

    pub const fn bytes(self) -> usize {
        self.bits / 8
    }

    pub fn is_float(self) -> bool {
        matches!(self.kind, Kind::Float | Kind::Brain)
    }

    /// A float, or a pair of them, of sixteen bits.
    pub fn is_half(self) -> bool {
        self.is_float() && (self.bits == 16 || self.pair)
    }

    /// The same kind, twice as wide: `mul.wide`'s result.
    pub fn twice(self) -> Self {
        Self { bits: 2 * self.bits, ..self }
    }

    /// The C++ type of the number, of `runtime/numbers.h`.
    pub fn number(self) -> String {
        let bits = self.bits;
        match (self.kind, self.pair) {
            (Kind::Predicate, _) => "bool".into(),
            (Kind::Bits | Kind::Unsigned, _) => format!("u{bits}"),
            (Kind::Signed, _) => format!("s{bits}"),
            (Kind::Float, false) => format!("f{bits}"),
            (Kind::Float, true) => "f16x2".into(),
            (Kind::Brain, false) => "bf16".into(),
            (Kind::Brain, true) => "bf16x2".into(),
        }
    }

    /// The C++ type of a register that holds its bits.
    pub fn register(self) -> String {
        match self.kind {
            Kind::Predicate => "bool".into(),
            _ => format!("u{}", self.bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let read = |name: &str| Type::from_name(name).map(Type::number);
        for name in ["u8", "s16", "u32", "s64", "f32", "f64", "f16", "bf16", "f16x2", "bf16x2"] {
            assert_eq!(read(name).as_deref(), Some(name));
        }
        assert_eq!(read("b32").as_deref(), Some("u32"));
        for name in ["f8", "u7", "tf32", "b128", "sync", ""] {
            assert_eq!(read(name), None, "{name}");
        }
    }
}
