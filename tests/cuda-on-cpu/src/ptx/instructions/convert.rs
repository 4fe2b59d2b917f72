//! `cvt.rzi.s32.f32`, `mov.b64 {%r1, %r2}, %rd1`, `cvta.to.global.u64` …

use crate::ptx::parse::Instruction;
use crate::ptx::scope::{Code, Scope, last_type, only, operand, register, rounding};
use crate::ptx::text::inner_list;
use crate::ptx::types::Type;

pub fn emit(scope: &mut Scope, instruction: &Instruction) -> Code {
    match instruction.opcode[0].as_str() {
        "mov" => mov(scope, instruction),
        "cvta" => cvta(scope, instruction),
        "isspacep" => isspacep(scope, instruction),
        _ => cvt(scope, instruction),
    }
}

fn mov(scope: &Scope, instruction: &Instruction) -> Code {
    only(instruction, &[])?;
    let of = last_type(instruction)?;
    let (to, from) = (operand(instruction, 0)?, operand(instruction, 1)?);
    if to.starts_with('{') {
        let parts = inner_list(to);
        let width = of.bits / parts.len();
        let mut code = format!("{{ u64 whole = {};", scope.bits(from)?);
        for (place, part) in parts.iter().enumerate().filter(|(_, part)| *part != "_") {
            code += &format!(" {} = (u{width})(whole >> {});", register(part), place * width);
        }
        return Ok(code + " }");
    }
    if from.starts_with('{') {
        let parts = inner_list(from);
        let width = of.bits / parts.len();
        let parts: Result<Vec<String>, String> = parts
            .iter()
            .enumerate()
            .map(|(place, part)| {
                Ok(format!("(u64)(u{width}){} << {}", scope.bits(part)?, place * width))
            })
            .collect();
        return Ok(format!("{} = {};", register(to), parts?.join(" | ")));
    }
    Ok(format!("{} = {};", register(to), scope.bits(from)?))
}

/// Shared memory is a window of the generic addresses; the other spaces lie in them as they are.
fn cvta(scope: &Scope, instruction: &Instruction) -> Code {
    only(instruction, &["to", "global", "shared", "local", "const", "param"])?;
    let (to, from) = (operand(instruction, 0)?, scope.bits(operand(instruction, 1)?)?);
    let address = match (instruction.has("shared"), instruction.has("to")) {
        (false, _) => from,
        (true, false) => format!("(u64)shared_memory + {from}"),
        (true, true) => format!("{from} - (u64)shared_memory"),
    };
    Ok(format!("{} = {address};", register(to)))
}

fn isspacep(scope: &Scope, instruction: &Instruction) -> Code {
    let address = format!("(u64){}", scope.bits(operand(instruction, 1)?)?);
    let shared = format!("({address} - (u64)shared_memory < MOST_SHARED)");
    let local = format!("in_stack({address}, 1)");
    let truth = match instruction.opcode[1].as_str() {
        "shared" => shared,
        "local" => local,
        "global" => format!("!({shared} || {local})"),
        space => return Err(format!("`.{space}` is not implemented")),
    };
    Ok(format!("{} = {truth};", register(operand(instruction, 0)?)))
}

fn cvt(scope: &Scope, instruction: &Instruction) -> Code {
    only(instruction, &["rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi", "ftz", "sat"])?;
    let [to, from] = instruction.types()[..] else {
        return Err("one of its types is not implemented".into());
    };
    if to.pair {
        return pair(scope, instruction, to, from);
    }
    if from.pair {
        return Err("it is not implemented from pairs".into());
    }
    let a = scope.source(instruction, 1, from)?;
    let (name, whole) = (to.number(), whole_rounding(instruction));
    let number = match (from.is_float(), to.is_float()) {
        (true, true) if from == to => match whole {
            Some(rounding) => format!("to_whole({a}, {rounding})"),
            None => a,
        },
        (true, true) => {
            let a =
                whole.map_or_else(|| a.clone(), |rounding| format!("to_whole({a}, {rounding})"));
            format!("to_float<{name}>({a}, {})", rounding(instruction))
        }
        // A float to an integer is cut at the integer's limits, with or without `.sat`.
        (true, false) => {
            let number = format!("to_integer<{name}>({a}, {})", whole.unwrap_or("TO_ZERO"));
            return Ok(format!("{} = {number};", register(operand(instruction, 0)?)));
        }
        (false, true) => format!("to_float<{name}>({a}, {})", rounding(instruction)),
        (false, false) => {
            let clamp = if instruction.has("sat") { "clamp_integer<" } else { "value<" };
            return Ok(format!("{} = {clamp}{name}>({a});", register(operand(instruction, 0)?)));
        }
    };
    scope.result(instruction, to, &number)
}

fn whole_rounding(instruction: &Instruction) -> Option<&'static str> {
    [("rni", "NEAREST"), ("rzi", "TO_ZERO"), ("rmi", "DOWN"), ("rpi", "UP")]
        .iter()
        .find(|(name, _)| instruction.has(name))
        .map(|(_, rounding)| *rounding)
}

/// `cvt.rn.f16x2.f32 d, a, b`: a goes up, b down.
fn pair(scope: &Scope, instruction: &Instruction, to: Type, from: Type) -> Code {
    if from.number() != "f32" || instruction.has("sat") {
        return Err("it is not implemented".into());
    }
    let lane = if to.number() == "f16x2" { "f16" } else { "bf16" };
    let direction = rounding(instruction);
    let half = |which| -> Code {
        let a = scope.source(instruction, which, from)?;
        Ok(format!("(u32)raw(to_float<{lane}>({a}, {direction}))"))
    };
    let destination = register(operand(instruction, 0)?);
    Ok(format!("{destination} = {} << 16 | {};", half(1)?, half(2)?))
}
