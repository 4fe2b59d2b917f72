//! `bar.sync`, `shfl.sync.bfly.b32`, `vote.sync.ballot.b32` …

use crate::ptx::parse::Instruction;
use crate::ptx::scope::{Code, Scope, operand, register};

pub fn emit(scope: &mut Scope, instruction: &Instruction) -> Code {
    match instruction.opcode[0].as_str() {
        "shfl" => shuffle(scope, instruction),
        "vote" => vote(scope, instruction),
        "activemask" => Ok(format!("{} = active_lanes();", register(operand(instruction, 0)?))),
        _ => barrier(scope, instruction),
    }
}

fn barrier(scope: &mut Scope, instruction: &Instruction) -> Code {
    let site = scope.site(instruction);
    let bits = |which| scope.bits(operand(instruction, which)?);
    if instruction.has("warp") {
        return Ok(format!("meet((u32){}, {site});", bits(0)?));
    }
    if instruction.has("sync") {
        let wanted = if instruction.operands.len() > 1 { bits(1)? } else { "0".into() };
        return Ok(format!("barrier_wait((u32){}, (u32){wanted}, false, {site});", bits(0)?));
    }
    if !instruction.has("red") {
        return Err("it is not implemented".into());
    }
    // The result, the barrier, perhaps its threads, and the vote.
    let vote = bits(instruction.operands.len() - 1)?;
    let wanted = if instruction.operands.len() > 3 { bits(2)? } else { "0".into() };
    let votes = format!("barrier_wait((u32){}, (u32){wanted}, {vote}, {site})", bits(1)?);
    let result = if instruction.has("popc") {
        votes
    } else if instruction.has("and") {
        format!("{votes} == count")
    } else {
        format!("{votes} != 0")
    };
    Ok(format!("{} = {result};", register(operand(instruction, 0)?)))
}

fn shuffle(scope: &mut Scope, instruction: &Instruction) -> Code {
    if !instruction.has("sync") {
        return Err("only `.sync` is implemented".into());
    }
    let kinds = [("up", "UP"), ("down", "DOWN"), ("bfly", "XOR"), ("idx", "INDEX")];
    let (_, kind) = kinds.iter().find(|(name, _)| instruction.has(name)).ok_or("its kind")?;
    let site = scope.site(instruction);
    let bits =
        |which| -> Code { Ok(format!("(u32){}", scope.bits(operand(instruction, which)?)?)) };
    let (word, b, c, mask) = (bits(1)?, bits(2)?, bits(3)?, bits(4)?);
    let destination = operand(instruction, 0)?;
    let (to, inside) = destination.split_once('|').unwrap_or((destination, "_"));
    let mut code = format!(
        "{{ bool inside; u32 word = shuffle(SHUFFLE_{kind}, {word}, {b}, {c}, {mask}, {site}, inside);"
    );
    if to != "_" {
        code += &format!(" {} = word;", register(to));
    }
    if inside != "_" {
        code += &format!(" {} = inside;", register(inside));
    }
    Ok(code + " }")
}

fn vote(scope: &mut Scope, instruction: &Instruction) -> Code {
    if !instruction.has("sync") {
        return Err("only `.sync` is implemented".into());
    }
    let site = scope.site(instruction);
    let vote = scope.bits(operand(instruction, 1)?)?;
    let mask = format!("(u32){}", scope.bits(operand(instruction, 2)?)?);
    let ballot = format!("ballot({vote}, {mask}, {site})");
    let all = format!("mask_of_block({mask})");
    let result = if instruction.has("ballot") {
        ballot
    } else if instruction.has("all") {
        format!("({ballot} == {all})")
    } else if instruction.has("any") {
        format!("({ballot} != 0)")
    } else if instruction.has("uni") {
        format!("[&] {{ u32 yes = {ballot}; return yes == 0 || yes == {all}; }}()")
    } else {
        return Err("its kind is not implemented".into());
    };
    Ok(format!("{} = {result};", register(operand(instruction, 0)?)))
}
