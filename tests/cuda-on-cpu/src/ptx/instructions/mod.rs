//! Each instruction of PTX as C++ statements, by family.

mod arithmetic;
mod compare;
mod control;
mod convert;
mod integers;
mod memory;
mod warps;

use super::parse::Instruction;
use super::scope::{Code, Scope};

/// One instruction, with its guard.
pub fn emit(scope: &mut Scope, instruction: &Instruction) -> Code {
    let code = unguarded(scope, instruction)?;
    match &instruction.guard {
        None => Ok(code),
        Some(guard) => Ok(format!("if ({}) {{ {code} }}", scope.bits(guard)?)),
    }
}

fn unguarded(scope: &mut Scope, instruction: &Instruction) -> Code {
    match instruction.opcode[0].as_str() {
        "add" | "sub" | "mul" | "fma" | "mad" | "addc" | "subc" | "madc" | "div" | "rem"
        | "min" | "max" | "neg" | "abs" | "sqrt" | "rsqrt" | "rcp" | "ex2" | "lg2" | "sin"
        | "cos" | "tanh" | "copysign" => arithmetic::emit(scope, instruction),
        "and" | "or" | "xor" | "not" | "cnot" | "shl" | "shr" | "shf" | "popc" | "clz" | "brev"
        | "bfe" | "bfi" | "bfind" | "prmt" | "lop3" | "sad" => integers::emit(scope, instruction),
        "setp" | "set" | "selp" | "slct" | "testp" => compare::emit(scope, instruction),
        "cvt" | "cvta" | "mov" | "isspacep" => convert::emit(scope, instruction),
        "ld" | "ldu" | "st" | "atom" | "red" | "prefetch" | "prefetchu" | "membar" | "fence" => {
            memory::emit(scope, instruction)
        }
        "bar" | "barrier" | "shfl" | "vote" | "activemask" => warps::emit(scope, instruction),
        "bra" | "brx" | "call" | "ret" | "exit" | "trap" | "nanosleep" | "brkpt" => {
            control::emit(scope, instruction)
        }
        _ => Err("this instruction is not implemented".into()),
    }
}
