//! `setp.ltu.and.f32`, `selp.b32`, `testp.finite.f32` …

use crate::ptx::parse::Instruction;
use crate::ptx::scope::{Code, Scope, last_type, operand, register};
use crate::ptx::types::{Kind, Type};

pub fn emit(scope: &mut Scope, instruction: &Instruction) -> Code {
    match instruction.opcode[0].as_str() {
        "setp" => setp(scope, instruction),
        "set" => set(scope, instruction),
        "selp" => {
            let of = last_type(instruction)?;
            let (yes, no) = (operand(instruction, 1)?, operand(instruction, 2)?);
            let of = Type::unsigned(of.bits);
            let (yes, no) = (scope.number(yes, of)?, scope.number(no, of)?);
            let choice = scope.bits(operand(instruction, 3)?)?;
            scope.result(instruction, of, &format!("{choice} ? {yes} : {no}"))
        }
        "slct" => slct(scope, instruction),
        _ => testp(scope, instruction),
    }
}

/// The comparison's name, its combination with a third predicate if any, and nothing else.
fn modifiers(instruction: &Instruction) -> Result<(&str, Option<&str>), String> {
    let mut names = instruction.opcode.iter().skip(1).map(String::as_str);
    let comparison = names.next().ok_or("it compares nothing")?;
    let mut combination = None;
    for name in names.filter(|name| *name != "ftz" && Type::from_name(name).is_none()) {
        match name {
            "and" | "or" | "xor" => combination = Some(name),
            _ => return Err(format!("`.{name}` is not implemented")),
        }
    }
    Ok((comparison, combination))
}

/// A comparison of two numbers, and false where one is not a number, unless it ends in `u`.
fn comparison(name: &str, a: &str, b: &str, of: Type) -> Code {
    let is_nan = format!("(is_nan({a}) || is_nan({b}))");
    let ordered = match name {
        "num" => return Ok(format!("!{is_nan}")),
        "nan" => return Ok(is_nan),
        "eq" | "equ" => format!("same({a}, {b})"),
        "ne" | "neu" => format!("(less({a}, {b}) || less({b}, {a}))"),
        "lt" | "ltu" | "lo" => format!("less({a}, {b})"),
        "le" | "leu" | "ls" => format!("(less({a}, {b}) || same({a}, {b}))"),
        "gt" | "gtu" | "hi" => format!("less({b}, {a})"),
        "ge" | "geu" | "hs" => format!("(less({b}, {a}) || same({a}, {b}))"),
        _ => return Err(format!("the comparison `.{name}` is not implemented")),
    };
    let unordered = name.len() == 3 && name.ends_with('u') && of.is_float();
    Ok(if unordered { format!("({ordered} || {is_nan})") } else { ordered })
}

fn combined(scope: &Scope, instruction: &Instruction, truth: &str) -> Code {
    let (_, combination) = modifiers(instruction)?;
    let sign = match combination {
        None => return Ok(truth.to_owned()),
        Some("and") => "&&",
        Some("or") => "||",
        Some(_) => "!=",
    };
    Ok(format!("{truth} {sign} (bool){}", scope.bits(operand(instruction, 3)?)?))
}

fn setp(scope: &Scope, instruction: &Instruction) -> Code {
    let (name, _) = modifiers(instruction)?;
    let of = last_type(instruction)?;
    if of.pair {
        return Err("comparisons of pairs are not implemented".into());
    }
    let (a, b) = (scope.source(instruction, 1, of)?, scope.source(instruction, 2, of)?);
    let truth = comparison(name, &a, &b, of)?;
    let destination = operand(instruction, 0)?;
    let (yes, no) = destination.split_once('|').unwrap_or((destination, "_"));
    let mut code = format!("{{ bool truth = {truth};");
    for (name, truth) in [(yes, "truth"), (no, "!truth")] {
        if name != "_" {
            code +=
                &format!(" bool of_{} = {};", register(name), combined(scope, instruction, truth)?);
        }
    }
    for name in [yes, no].iter().filter(|name| **name != "_") {
        code += &format!(" {0} = of_{0};", register(name));
    }
    Ok(code + " }")
}

/// `set.lt.u32.f32`: all ones or 1.0 where it is true.
fn set(scope: &Scope, instruction: &Instruction) -> Code {
    let (name, _) = modifiers(instruction)?;
    let [to, of] = instruction.types()[..] else { return Err("its types".into()) };
    let (a, b) = (scope.source(instruction, 1, of)?, scope.source(instruction, 2, of)?);
    let truth = combined(scope, instruction, &comparison(name, &a, &b, of)?)?;
    let number = match (to.kind, to.bits) {
        (Kind::Float, 32) => format!("({truth}) ? 1.0f : 0.0f"),
        (Kind::Unsigned | Kind::Signed, 32) => format!("(s32)(({truth}) ? -1 : 0)"),
        _ => return Err("its result's type is not implemented".into()),
    };
    Ok(format!("{} = raw({number});", register(operand(instruction, 0)?)))
}

fn slct(scope: &Scope, instruction: &Instruction) -> Code {
    let [of, sign] = instruction.types()[..] else { return Err("its types".into()) };
    let (a, b) =
        (scope.number(operand(instruction, 1)?, of)?, scope.number(operand(instruction, 2)?, of)?);
    let chosen = scope.source(instruction, 3, sign)?;
    Ok(format!("{} = raw({chosen} >= 0 ? {a} : {b});", register(operand(instruction, 0)?)))
}

fn testp(scope: &Scope, instruction: &Instruction) -> Code {
    let a = scope.number(operand(instruction, 1)?, last_type(instruction)?)?;
    let test = match instruction.opcode[1].as_str() {
        "finite" => format!("std::isfinite({a})"),
        "infinite" => format!("std::isinf({a})"),
        "number" => format!("!std::isnan({a})"),
        "notanumber" => format!("std::isnan({a})"),
        "normal" => format!("std::isnormal({a})"),
        "subnormal" => format!("(std::fpclassify({a}) == FP_SUBNORMAL)"),
        name => return Err(format!("`.{name}` is not implemented")),
    };
    Ok(format!("{} = {test};", register(operand(instruction, 0)?)))
}
