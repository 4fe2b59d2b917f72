//! `add.rn.f32`, `mad.lo.s32`, `mul.wide.u16`, `ex2.approx.ftz.f32` …

use crate::ptx::parse::Instruction;
use crate::ptx::scope::{Code, Scope, last_type, only, rounding};
use crate::ptx::types::Type;

const FLOAT: &[&str] = &["rn", "rz", "rm", "rp", "ftz", "sat", "approx", "full", "NaN"];
const INTEGER: &[&str] = &["lo", "hi", "wide", "cc"];

pub fn emit(scope: &mut Scope, instruction: &Instruction) -> Code {
    let of = last_type(instruction)?;
    if of.is_float() { float(scope, instruction, of) } else { integer(scope, instruction, of) }
}

fn float(scope: &Scope, instruction: &Instruction, of: Type) -> Code {
    only(instruction, FLOAT)?;
    let name = instruction.opcode[0].as_str();
    let a = scope.source(instruction, 1, of)?;
    let b = || scope.source(instruction, 2, of);
    let c = || scope.source(instruction, 3, of);
    let direction = rounding(instruction);
    if of.is_half() {
        let known = ["add", "sub", "mul", "fma", "min", "max", "neg", "abs"].contains(&name);
        if !known || direction != "NEAREST" || instruction.has("ftz") {
            return Err(format!("it is not implemented for {}", of.number()));
        }
    }
    let nan_wins = instruction.has("NaN");
    let number = match name {
        "add" | "sub" | "mul" => format!("{name}({a}, {}, {direction})", b()?),
        "fma" | "mad" => format!("fma({a}, {}, {}, {direction})", b()?, c()?),
        "div" => format!("divide({a}, {}, {direction})", b()?),
        "min" => format!("extreme<true, {nan_wins}>({a}, {})", b()?),
        "max" => format!("extreme<false, {nan_wins}>({a}, {})", b()?),
        "neg" => format!("negative({a})"),
        "abs" => format!("absolute({a})"),
        "rcp" => format!("divide(({})1, {a}, {direction})", of.number()),
        "sqrt" => format!("root({a}, {direction})"),
        "rsqrt" => format!("reciprocal_root({a})"),
        "ex2" => format!("exp2_of({a})"),
        "lg2" => format!("log2_of({a})"),
        "sin" => format!("sine({a})"),
        "cos" => format!("cosine({a})"),
        "tanh" => format!("tanh_of({a})"),
        // The sign of the first operand, the size of the second.
        "copysign" => format!("std::copysign({}, {a})", b()?),
        _ => return Err("it is not implemented for floats".into()),
    };
    scope.result(instruction, of, &number)
}

fn integer(scope: &Scope, instruction: &Instruction, of: Type) -> Code {
    only(instruction, INTEGER)?;
    let name = instruction.opcode[0].as_str();
    let a = scope.source(instruction, 1, of)?;
    let b = || scope.source(instruction, 2, of);
    if instruction.has("cc") || name.ends_with('c') {
        return carrying(scope, instruction, of);
    }
    let number = match name {
        "add" | "sub" => format!("{name}({a}, {})", b()?),
        "div" => format!("divide({a}, {})", b()?),
        "rem" => format!("remainder_of({a}, {})", b()?),
        "min" => format!("extreme<true>({a}, {})", b()?),
        "max" => format!("extreme<false>({a}, {})", b()?),
        "neg" => format!("negative({a})"),
        "abs" => format!("absolute({a})"),
        "mul" | "mad" => return product(scope, instruction, of),
        _ => return Err("it is not implemented for integers".into()),
    };
    scope.result(instruction, of, &number)
}

/// The product's half or whole, and the type of it.
fn part(scope: &Scope, instruction: &Instruction, of: Type) -> Result<(String, Type), String> {
    let (a, b) = (scope.source(instruction, 1, of)?, scope.source(instruction, 2, of)?);
    Ok(if instruction.has("wide") {
        (format!("mul_wide({a}, {b})"), of.twice())
    } else if instruction.has("hi") {
        (format!("mul_hi({a}, {b})"), of)
    } else {
        (format!("mul({a}, {b})"), of)
    })
}

fn product(scope: &Scope, instruction: &Instruction, of: Type) -> Code {
    let (product, of) = part(scope, instruction, of)?;
    if instruction.opcode[0] == "mul" {
        return scope.result(instruction, of, &product);
    }
    let sum = format!("add<{}>({product}, {})", of.number(), scope.source(instruction, 3, of)?);
    scope.result(instruction, of, &sum)
}

fn carrying(scope: &Scope, instruction: &Instruction, of: Type) -> Code {
    let of = Type::unsigned(of.bits);
    let name = instruction.opcode[0].as_str();
    let goes_in = if name.ends_with('c') && name != "sub" { "carry" } else { "false" };
    let (a, b) = if name.starts_with("mad") {
        (part(scope, instruction, of)?.0, scope.source(instruction, 3, of)?)
    } else {
        (scope.source(instruction, 1, of)?, scope.source(instruction, 2, of)?)
    };
    let f = if name.starts_with("sub") { "sub_borrow" } else { "add_carry" };
    let code = |carry: &str| {
        scope.result(
            instruction,
            of,
            &format!("{f}<{}>({a}, {b}, {goes_in}, {carry})", of.number()),
        )
    };
    if instruction.has("cc") {
        return code("carry");
    }
    Ok(format!("{{ u32 lost; {} }}", code("lost")?))
}
