//! What the names in a function mean, and operands as C++ expressions.

use std::collections::HashMap;

use super::parse::Instruction;
use super::text::identifier;
use super::types::Type;

/// What an emitter gives: C++ statements, or why there are none.
pub type Code = Result<String, String>;

/// The names of a function, and the instructions of the module that can fail where they stand.
pub struct Scope<'a> {
    /// A kernel: it has no caller to go back to.
    pub entry: bool,
    /// Offsets in the block's shared memory, as C++ expressions.
    pub shared: &'a HashMap<String, String>,
    pub variables: &'a [String],
    /// Parameters and local arrays.
    pub places: Vec<String>,
    pub targets: HashMap<String, Vec<String>>,
    pub sites: &'a mut Vec<String>,
}

impl Scope<'_> {
    /// The number of this instruction among those whose mistakes are reported. 0 is none.
    pub fn site(&mut self, instruction: &Instruction) -> usize {
        self.sites.push(instruction.text.clone());
        self.sites.len() - 1
    }

    /// The bits of an operand.
    pub fn bits(&self, operand: &str) -> Code {
        let operand = operand.trim();
        if let Some(inner) = operand.strip_prefix('!') {
            return Ok(format!("!{}", self.bits(inner)?));
        }
        if let Some(special) = special_register(operand) {
            return Ok(special);
        }
        if operand.starts_with('%') {
            if operand.contains('.') {
                return Err(format!("the special register {operand} is not implemented"));
            }
            return Ok(register(operand));
        }
        if operand.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
            return literal(operand);
        }
        let (name, offset) = operand.split_once('+').unwrap_or((operand, "0"));
        self.symbol(name.trim(), offset.trim()).map_or_else(|| Ok(register(operand)), Ok)
    }

    /// The address that a name stands for.
    fn symbol(&self, name: &str, offset: &str) -> Option<String> {
        if let Some(start) = self.shared.get(name) {
            return Some(format!("({start} + {offset})"));
        }
        if self.places.iter().any(|place| place == name) {
            return Some(format!("((u64)L_{} + {offset})", identifier(name)));
        }
        let known = self.variables.iter().any(|variable| variable == name);
        known.then(|| format!("((u64)V_{} + {offset})", identifier(name)))
    }

    /// `[%rd1+8]` as an address.
    pub fn address(&self, operand: &str) -> Code {
        let inner = operand.trim().trim_start_matches('[').trim_end_matches(']').trim();
        let (base, offset) = inner.split_once('+').unwrap_or((inner, "0"));
        let base = self.bits(base.trim())?;
        Ok(format!("(u64)({base} + ({}))", offset.trim()))
    }

    /// An operand as a number of a type.
    pub fn number(&self, operand: &str, of: Type) -> Code {
        Ok(format!("value<{}>({})", of.number(), self.bits(operand)?))
    }

    /// The instruction's operand, as a number of a type, flushed where it says `.ftz`.
    pub fn source(&self, instruction: &Instruction, which: usize, of: Type) -> Code {
        let number = self.number(operand(instruction, which)?, of)?;
        let flushed = instruction.has("ftz") && of.number() == "f32";
        Ok(if flushed { format!("flush({number})") } else { number })
    }

    /// Puts a number into the instruction's destination, saturated and flushed as it says.
    pub fn result(&self, instruction: &Instruction, of: Type, number: &str) -> Code {
        let mut number = number.to_owned();
        let whole_float = matches!(of.number().as_str(), "f32" | "f64");
        if instruction.has("sat") {
            if !whole_float {
                return Err(format!("saturation of {} is not implemented", of.number()));
            }
            number = format!("saturate({number})");
        }
        if instruction.has("ftz") && of.number() == "f32" {
            number = format!("flush({number})");
        }
        let destination = operand(instruction, 0)?;
        Ok(match destination {
            "_" => format!("(void)({number});"),
            _ => format!("{} = raw({number});", register(destination)),
        })
    }
}

pub fn register(name: &str) -> String {
    format!("R{}", identifier(name))
}

pub fn operand(instruction: &Instruction, which: usize) -> Result<&str, String> {
    let operand = instruction.operands.get(which).map(String::as_str);
    operand.ok_or_else(|| format!("operand {which} is missing"))
}

/// Refuses modifiers that nobody here knows. Types are known.
pub fn only(instruction: &Instruction, known: &[&str]) -> Result<(), String> {
    for part in instruction.opcode.iter().skip(1) {
        if Type::from_name(part).is_none() && !known.contains(&part.as_str()) {
            return Err(format!("`.{part}` is not implemented"));
        }
    }
    Ok(())
}

/// The last type of an opcode: `.f32` of `setp.lt.f32`.
pub fn last_type(instruction: &Instruction) -> Result<Type, String> {
    instruction.types().last().copied().ok_or_else(|| "its type is not implemented".into())
}

pub fn rounding(instruction: &Instruction) -> &'static str {
    let directions = [("rz", "TO_ZERO"), ("rm", "DOWN"), ("rp", "UP")];
    let found = directions.iter().find(|(name, _)| instruction.has(name));
    found.map_or("NEAREST", |(_, rounding)| rounding)
}

fn special_register(name: &str) -> Option<String> {
    let lane = "(current % LANES)";
    let fixed = match name {
        "%laneid" => lane.into(),
        "%warpid" => "(current / LANES)".into(),
        "%nwarpid" => "((count + LANES - 1) / LANES)".into(),
        "%lanemask_eq" => format!("(1u << {lane})"),
        "%lanemask_lt" => format!("((1u << {lane}) - 1)"),
        "%lanemask_le" => format!("((2u << {lane}) - 1)"),
        "%lanemask_gt" => format!("~((2u << {lane}) - 1)"),
        "%lanemask_ge" => format!("~((1u << {lane}) - 1)"),
        "WARP_SZ" => "32u".into(),
        "%dynamic_smem_size" => {
            "(shared_bytes > dynamic_start ? shared_bytes - dynamic_start : 0)".into()
        }
        _ => String::new(),
    };
    if !fixed.is_empty() {
        return Some(fixed);
    }
    let (name, axis) = name.split_once('.')?;
    let index = match name {
        "%tid" => "threads[current].index",
        "%ntid" => "block_size",
        "%ctaid" => "block_index",
        "%nctaid" => "grid_size",
        _ => return None,
    };
    matches!(axis, "x" | "y" | "z").then(|| format!("{index}.{axis}"))
}

/// `-5`, `0x1F`, `7U`, `0f3F800000`, `0d3FF0000000000000` as bits.
pub fn literal(text: &str) -> Code {
    let unreadable = || format!("cannot read the number `{text}`");
    let lower = text.to_ascii_lowercase();
    if let Some(bits) = lower.strip_prefix("0f") {
        return u32::from_str_radix(bits, 16)
            .map(|bits| format!("0x{bits:08x}u"))
            .map_err(|_| unreadable());
    }
    if let Some(bits) = lower.strip_prefix("0d") {
        return u64::from_str_radix(bits, 16)
            .map(|bits| format!("0x{bits:016x}ull"))
            .map_err(|_| unreadable());
    }
    let (negative, size) = lower.strip_prefix('-').map_or((false, &lower[..]), |size| (true, size));
    let size = size.trim_end_matches('u');
    let size = match size.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => size.parse(),
    }
    .map_err(|_| unreadable())?;
    let bits = if negative { size.wrapping_neg() } else { size };
    Ok(format!("0x{bits:x}ull"))
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn numbers_are_bits() {
        let read = |text: &str| literal(text).unwrap();
        assert_eq!(read("-1"), "0xffffffffffffffffull");
        assert_eq!(read("0x1FU"), "0x1full");
        assert_eq!(read("9223372036854775808"), "0x8000000000000000ull");
        assert_eq!(read("0f3F800000"), "0x3f800000u");
        assert_eq!(read("0d3FF0000000000000"), "0x3ff0000000000000ull");
        assert!(literal("1.5").is_err());
    }
}
