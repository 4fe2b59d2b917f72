//! Branches, calls and ends.

use crate::ptx::parse::Instruction;
use crate::ptx::scope::{Code, Scope, operand};
use crate::ptx::text::{identifier, inner_list};

pub fn emit(scope: &mut Scope, instruction: &Instruction) -> Code {
    match instruction.opcode[0].as_str() {
        "bra" => Ok(format!("goto J_{};", identifier(operand(instruction, 0)?))),
        "brx" => indexed(scope, instruction),
        "call" => call(scope, instruction),
        "exit" if !scope.entry => Err("it is not implemented in a function".into()),
        "ret" | "exit" => Ok("return;".into()),
        "nanosleep" => Ok(";".into()),
        _ => {
            let site = scope.site(instruction);
            Ok(format!("fail(LAUNCH_FAILED, {site}, \"the kernel gives up\");"))
        }
    }
}

/// `brx.idx %r1, table;`
fn indexed(scope: &Scope, instruction: &Instruction) -> Code {
    let table = operand(instruction, 1)?;
    let labels = scope.targets.get(table).ok_or("its table is not in this function")?;
    let mut code = format!("switch ((u32){}) {{", scope.bits(operand(instruction, 0)?)?);
    for (number, label) in labels.iter().enumerate() {
        code += &format!(" case {number}: goto J_{};", identifier(label));
    }
    Ok(code + " default: __builtin_unreachable(); }")
}

/// `call.uni (result), name, (arguments);` with both lists optional.
fn call(scope: &mut Scope, instruction: &Instruction) -> Code {
    let mut operands = instruction.operands.iter();
    let mut places = vec![];
    let mut name = operands.next().ok_or("it calls nothing")?;
    if name.starts_with('(') {
        places.extend(inner_list(name));
        name = operands.next().ok_or("it calls nothing")?;
    }
    if name == "__assertfail" {
        let site = scope.site(instruction);
        return Ok(format!("fail(ASSERTED, {site}, \"an assertion failed\");"));
    }
    if name.starts_with('%') {
        return Err("calls through a pointer are not implemented".into());
    }
    if name == "vprintf" {
        return Err("printf is not implemented".into());
    }
    places.extend(operands.next().map(|list| inner_list(list)).unwrap_or_default());
    let places: Result<Vec<String>, String> =
        places.iter().map(|place| Ok(format!("(u8*){}", scope.bits(place)?))).collect();
    Ok(format!("F_{}({});", identifier(name), places?.join(", ")))
}
