//! `ld.global.nc.v4.f32`, `st.shared.u32`, `atom.global.add.f32` …

use crate::ptx::parse::Instruction;
use crate::ptx::scope::{Code, Scope, last_type, operand, register};
use crate::ptx::text::inner_list;
use crate::ptx::types::{Kind, Type};

const KNOWN: &[&str] = &[
    "global", "shared", "local", "param", "const", "v2", "v4", "volatile", "relaxed", "acquire",
    "release", "acq_rel", "weak", "cta", "gpu", "sys", "nc", "ca", "cg", "cs", "lu", "cv", "wb",
    "wt",
];

pub fn emit(scope: &mut Scope, instruction: &Instruction) -> Code {
    match instruction.opcode[0].as_str() {
        "ld" | "ldu" => load(scope, instruction),
        "st" => store(scope, instruction),
        "atom" | "red" => atomic(scope, instruction),
        // One block runs at a time, and one thread of it: memory is always in order here.
        _ => Ok(";".into()),
    }
}

/// The C++ function that checks an address of the instruction's space.
fn space(instruction: &Instruction, operations: &[&str]) -> Result<&'static str, String> {
    let mut function = "generic_at";
    for part in &instruction.opcode[1..] {
        // `shared::cta`, and hints such as `L1::evict_last`
        let (name, hint) = part.split_once("::").unwrap_or((part, ""));
        match name {
            "global" | "const" => function = "global_at",
            "shared" if hint == "cluster" => return Err("clusters are not implemented".into()),
            "shared" => function = "shared_at",
            "local" => function = "local_at",
            "param" => function = "param_at",
            "L1" | "L2" if !hint.is_empty() => {}
            _ if KNOWN.contains(&name) || operations.contains(&name) => {}
            _ if Type::from_name(name).is_some() => {}
            _ => return Err(format!("`.{part}` is not implemented")),
        }
    }
    Ok(function)
}

fn lanes(instruction: &Instruction, value: &str) -> Result<Vec<String>, String> {
    let wanted = [("v2", 2), ("v4", 4)]
        .iter()
        .find(|(name, _)| instruction.has(name))
        .map_or(1, |(_, n)| *n);
    let lanes = if wanted == 1 { vec![value.to_owned()] } else { inner_list(value) };
    if lanes.len() == wanted {
        Ok(lanes)
    } else {
        Err(format!("{} lanes of {wanted}", lanes.len()))
    }
}

fn load(scope: &mut Scope, instruction: &Instruction) -> Code {
    let (function, of) = (space(instruction, &[])?, last_type(instruction)?);
    let lanes = lanes(instruction, operand(instruction, 0)?)?;
    let address = scope.address(operand(instruction, 1)?)?;
    let (site, bytes) = (scope.site(instruction), of.bytes() * lanes.len());
    let mut code = format!("{{ const u8* from = {function}({address}, {bytes}, READ, {site});");
    // A signed number is extended to its register.
    let word = if of.kind == Kind::Signed { of.number() } else { of.register() };
    for (lane, name) in lanes.iter().enumerate().filter(|(_, name)| *name != "_") {
        code += &format!(" {} = take<{word}>(from + {});", register(name), lane * of.bytes());
    }
    Ok(code + " }")
}

fn store(scope: &mut Scope, instruction: &Instruction) -> Code {
    let (function, of) = (space(instruction, &[])?, last_type(instruction)?);
    let lanes = lanes(instruction, operand(instruction, 1)?)?;
    let address = scope.address(operand(instruction, 0)?)?;
    let (site, bytes, word) = (scope.site(instruction), of.bytes() * lanes.len(), of.register());
    let mut code = format!("{{ u8* to = {function}({address}, {bytes}, WRITE, {site});");
    for (lane, name) in lanes.iter().enumerate() {
        let bits = scope.bits(name)?;
        code += &format!(" put<{word}>(to + {}, ({word}){bits});", lane * of.bytes());
    }
    Ok(code + " }")
}

const OPERATIONS: &[&str] =
    &["add", "min", "max", "exch", "cas", "and", "or", "xor", "inc", "dec", "noftz"];

/// Reads, computes and writes with nobody between: `red` forgets what it read.
fn atomic(scope: &mut Scope, instruction: &Instruction) -> Code {
    let (function, of) = (space(instruction, OPERATIONS)?, last_type(instruction)?);
    if of.is_half() {
        return Err("atomics of halves are not implemented".into());
    }
    let first = usize::from(instruction.opcode[0] == "atom");
    let address = scope.address(operand(instruction, first)?)?;
    let value = |which: usize| scope.number(operand(instruction, first + which)?, of);
    let operation = OPERATIONS.iter().find(|name| instruction.has(name)).copied();
    let (old, b) = (format!("value<{}>(old)", of.number()), value(1)?);
    let new = match operation.ok_or("its operation is not implemented")? {
        "add" => format!("add({old}, {b})"),
        "min" => format!("extreme<true>({old}, {b})"),
        "max" => format!("extreme<false>({old}, {b})"),
        "exch" => b,
        "cas" => format!("{old} == {b} ? {} : {old}", value(2)?),
        "and" => format!("{old} & {b}"),
        "or" => format!("{old} | {b}"),
        "xor" => format!("{old} ^ {b}"),
        "inc" => format!("{old} >= {b} ? 0 : {old} + 1"),
        "dec" => format!("{old} == 0 || {old} > {b} ? {b} : {old} - 1"),
        _ => return Err("its operation is not implemented".into()),
    };
    let (site, bytes, word) = (scope.site(instruction), of.bytes(), of.register());
    let mut code = format!(
        "{{ u8* at = {function}({address}, {bytes}, ATOMIC, {site}); {word} old = take<{word}>(at); \
         put<{word}>(at, ({word})raw(({})({new})));",
        of.number()
    );
    if first == 1 && operand(instruction, 0)? != "_" {
        code += &format!(" {} = old;", register(operand(instruction, 0)?));
    }
    Ok(code + " }")
}
