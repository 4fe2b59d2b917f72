//! Bits: `and.b32`, `shf.l.wrap.b32`, `bfe.u32`, `prmt.b32`, `lop3.b32` …

use crate::ptx::parse::Instruction;
use crate::ptx::scope::{Code, Scope, last_type, only, operand};
use crate::ptx::types::{Kind, Type};

pub fn emit(scope: &mut Scope, instruction: &Instruction) -> Code {
    only(instruction, &["l", "r", "wrap", "clamp", "shiftamt"])?;
    let of = last_type(instruction)?;
    let word = Type::unsigned(32);
    let name = instruction.opcode[0].as_str();
    let a = || scope.source(instruction, 1, of);
    let b = || scope.source(instruction, 2, of);
    let amount = |which| scope.number(operand(instruction, which)?, word);
    if of.kind == Kind::Predicate {
        return predicates(scope, instruction, of);
    }
    let (number, of) = match name {
        "and" => (format!("({}) & ({})", a()?, b()?), of),
        "or" => (format!("({}) | ({})", a()?, b()?), of),
        "xor" => (format!("({}) ^ ({})", a()?, b()?), of),
        "not" => (format!("({})~({})", of.number(), a()?), of),
        "cnot" => (format!("({})(({}) == 0)", of.number(), a()?), of),
        "shl" => (format!("shift_left({}, {})", a()?, amount(2)?), of),
        "shr" => (format!("shift_right({}, {})", a()?, amount(2)?), of),
        "shf" => {
            let (left, wrap) = (instruction.has("l"), instruction.has("wrap"));
            (format!("funnel({}, {}, {}, {left}, {wrap})", a()?, b()?, amount(3)?), word)
        }
        "popc" => (format!("ones({})", a()?), word),
        "clz" => (format!("leading_zeros({})", a()?), word),
        "brev" => (format!("reversed({})", a()?), of),
        "bfe" => (format!("extract({}, {}, {})", a()?, amount(2)?, amount(3)?), of),
        "bfi" => (format!("insert({}, {}, {}, {})", a()?, b()?, amount(3)?, amount(4)?), of),
        "bfind" => (format!("highest_bit({}, {})", a()?, instruction.has("shiftamt")), word),
        "prmt" => {
            if instruction.opcode.len() > 2 {
                return Err("its mode is not implemented".into());
            }
            (format!("permute({}, {}, {})", a()?, b()?, amount(3)?), word)
        }
        "lop3" => {
            let table = amount(4)?;
            (format!("by_table({}, {}, {}, {table})", a()?, b()?, amount(3)?), word)
        }
        "sad" => {
            let (a, b, c) = (a()?, b()?, scope.source(instruction, 3, of)?);
            (format!("({})(({a} < {b} ? {b} - {a} : {a} - {b}) + {c})", of.number()), of)
        }
        _ => return Err("this instruction is not implemented".into()),
    };
    scope.result(instruction, of, &number)
}

fn predicates(scope: &Scope, instruction: &Instruction, of: Type) -> Code {
    let a = scope.bits(operand(instruction, 1)?)?;
    let sign = match instruction.opcode[0].as_str() {
        "not" => return scope.result(instruction, of, &format!("!({a})")),
        "and" => "&&",
        "or" => "||",
        "xor" => "!=",
        _ => return Err("it is not implemented for predicates".into()),
    };
    let b = scope.bits(operand(instruction, 2)?)?;
    scope.result(instruction, of, &format!("(bool)({a}) {sign} (bool)({b})"))
}
