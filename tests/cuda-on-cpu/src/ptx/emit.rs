//! A module as one C++ translation unit.

use std::collections::HashMap;
use std::fmt::Write;

use super::instructions;
use super::parse::{self, Function, Instruction, Module, Space, Statement, Variable};
use super::scope::{Scope, literal, register};
use super::text::{identifier, quoted};
use super::types::Kind;

/// The symbol under which a kernel's description lies in the compiled module.
pub fn kernel_symbol(name: &str) -> String {
    format!("cuda_on_cpu_kernel_{}", identifier(name))
}

/// PTX text to C++ text.
///
/// # Errors
///
/// The instruction or directive that is not implemented, by name.
pub fn translate(text: &str) -> Result<String, String> {
    let module = parse::module(text)?;
    let variables: Vec<String> = module
        .variables
        .iter()
        .filter(|variable| matches!(variable.space, Space::Global | Space::Constant))
        .map(|variable| variable.name.clone())
        .collect();
    let (mut sites, mut code) = (vec![String::new()], String::new());
    for function in module.functions.iter().filter(|function| !function.entry) {
        code += &format!("{};\n", signature(function));
    }
    for function in &module.functions {
        code += &emit_function(&module, function, &variables, &mut sites)
            .map_err(|what| format!("{}: {what}", function.name))?;
    }
    let mut out = "#include \"ptx.h\"\n".to_owned();
    let texts: Vec<String> = sites.iter().map(|site| quoted(site)).collect();
    let count = sites.len();
    let _ = writeln!(out, "Seen device::seen[{count}];\nconst u32 seen_sites = {count};");
    let _ = writeln!(out, "const char* const site_table[] = {{\n{}}};", texts.join(",\n"));
    out += &emit_variables(&module)?;
    Ok(out + &code)
}

/// Global and constant variables, and the table by which the device knows them.
fn emit_variables(module: &Module) -> Result<String, String> {
    let (mut out, mut table) = (String::new(), String::new());
    for variable in &module.variables {
        let (name, align) = (identifier(&variable.name), variable.align.max(16));
        if !matches!(variable.space, Space::Global | Space::Constant) {
            continue;
        }
        if variable.open {
            return Err(format!("the variable {} is defined elsewhere", variable.name));
        }
        let values: Result<Vec<String>, String> = variable
            .values
            .iter()
            .map(|value| Ok(format!("({}){}", variable.element.register(), literal(value)?)))
            .collect();
        let values =
            values.map_err(|what| format!("the values of {}: {what}", variable.name))?.join(", ");
        let (of, count) = (variable.element.register(), variable.count);
        let _ = writeln!(out, "alignas({align}) static {of} V_{name}[{count}] = {{{values}}};");
        let label = quoted(&variable.name);
        let _ = writeln!(table, "{{{label}, (u64)V_{name}, sizeof V_{name}}},");
    }
    let _ = writeln!(
        out,
        "extern \"C\" __attribute__((visibility(\"default\"))) Variable cuda_on_cpu_variables[] = {{\n{table}{{nullptr, 0, 0}}}};"
    );
    Ok(out)
}

fn signature(function: &Function) -> String {
    let places: Vec<String> = function
        .results
        .iter()
        .chain(&function.params)
        .map(|place| format!("u8* L_{}", identifier(&place.name)))
        .collect();
    format!("static void F_{}({})", identifier(&function.name), places.join(", "))
}

/// Where the shared variables of a kernel lie: those of the module first, then its own, then the dynamic ones.
fn shared_layout(module: &Module, function: &Function) -> (HashMap<String, String>, usize) {
    let own = function.body.iter().filter_map(|statement| match statement {
        Statement::Variable(variable) if variable.space == Space::Shared => Some(variable),
        _ => None,
    });
    let common = module.variables.iter().filter(|variable| variable.space == Space::Shared);
    let (mut layout, mut used, mut bytes) = (HashMap::new(), function.entry.then_some(0), 0);
    // A function that kernels call can use the module's variables, so a kernel that calls has them all.
    let names = |name: &str| {
        function.body.iter().any(|statement| {
            matches!(statement, Statement::Instruction(instruction)
            if instruction.opcode[0] == "call" || instruction.text.contains(name))
        })
    };
    for variable in common.chain(own) {
        if variable.open {
            layout.insert(variable.name.clone(), "dynamic_start".to_owned());
            continue;
        }
        bytes = usize::next_multiple_of(bytes, variable.align);
        layout.insert(variable.name.clone(), format!("{bytes}u"));
        bytes += variable.bytes();
        if names(&variable.name) && used.is_some() {
            used = Some(bytes);
        }
    }
    (layout, used.unwrap_or(0))
}

fn emit_function(
    module: &Module,
    function: &Function,
    variables: &[String],
    sites: &mut Vec<String>,
) -> Result<String, String> {
    let (shared, shared_bytes) = shared_layout(module, function);
    let places = function.results.iter().chain(&function.params).map(|place| place.name.clone());
    let mut scope = Scope {
        entry: function.entry,
        shared: &shared,
        variables,
        places: places.collect(),
        targets: HashMap::new(),
        sites,
    };
    for statement in &function.body {
        match statement {
            Statement::Targets(name, labels) => {
                scope.targets.insert(name.clone(), labels.clone());
            }
            Statement::Variable(variable) if variable.space != Space::Shared => {
                scope.places.push(variable.name.clone());
            }
            _ => {}
        }
    }
    let name = identifier(&function.name);
    let mut out = String::new();
    if function.entry {
        let _ = writeln!(out, "static void K_{name}(void** arguments) {{");
        for (which, param) in function.params.iter().enumerate() {
            let param = identifier(&param.name);
            let _ = writeln!(out, "u8* L_{param} = (u8*)arguments[{which}]; (void)L_{param};");
        }
    } else {
        let _ = writeln!(out, "{} {{", signature(function));
    }
    out += "u32 carry = 0; (void)carry;\n";
    out += &emit_body(&mut scope, &function.body)?;
    out += "}\n";
    if function.entry {
        out += &description(function, shared_bytes);
    }
    Ok(out)
}

fn emit_body(scope: &mut Scope, body: &[Statement]) -> Result<String, String> {
    let (mut out, mut depth) = (String::new(), 0);
    for statement in body {
        match statement {
            Statement::Open => {
                depth += 1;
                out += "{\n";
            }
            Statement::Close => {
                depth -= 1;
                out += "}\n";
            }
            Statement::Label(name) => out += &format!("J_{}:;\n", identifier(name)),
            Statement::Targets(..) => {}
            Statement::Registers(of, names) => {
                // A jump may pass an inner declaration, so that one has no value.
                let start = if depth == 0 { " = 0" } else { "" };
                let names: Vec<String> = names.iter().map(|name| register(name) + start).collect();
                if !names.is_empty() {
                    out += &format!("{} {};\n", of.register(), names.join(", "));
                }
            }
            Statement::Variable(variable) => out += &local(variable),
            Statement::Instruction(instruction) => {
                out += &instructions::emit(scope, instruction)
                    .map_err(|what| format!("`{}`: {what}", instruction.text))?;
                out.push('\n');
            }
        }
    }
    Ok(out)
}

fn local(variable: &Variable) -> String {
    if variable.space == Space::Shared {
        return String::new();
    }
    let (align, bytes) = (variable.align.max(16), variable.bytes().max(8));
    format!("alignas({align}) u8 L_{}[{bytes}];\n", identifier(&variable.name))
}

/// What the device must know to launch a kernel.
fn description(function: &Function, shared_bytes: usize) -> String {
    let (name, symbol) = (identifier(&function.name), kernel_symbol(&function.name));
    let parameters: Vec<String> = function
        .params
        .iter()
        .map(|param| format!("{{{}, {}}}", param.bytes(), u8::from(is_pointer(function, param))))
        .collect();
    let count = parameters.len();
    let [x, y, z] = function.required;
    format!(
        "static const Parameter A_{name}[] = {{{}{}{{0, 0}}}};\n\
         extern \"C\" __attribute__((visibility(\"default\"))) const Kernel {symbol} = {{{}, K_{name}, {count}, A_{name}, {shared_bytes}, {}, {{{x}, {y}, {z}}}}};\n",
        parameters.join(", "),
        if count > 0 { ", " } else { "" },
        quoted(&function.name),
        function.most_threads,
    )
}

/// A parameter is a pointer where its register is made a global address: PTX itself does not say so.
fn is_pointer(function: &Function, param: &Variable) -> bool {
    if param.bytes() != 8 || param.element.kind == Kind::Float {
        return false;
    }
    let instructions = || {
        function.body.iter().filter_map(|statement| match statement {
            Statement::Instruction(instruction) => Some(instruction),
            _ => None,
        })
    };
    let place = format!("[{}]", param.name);
    let loads = |load: &&Instruction| {
        load.opcode[0] == "ld" && load.operands.get(1).is_some_and(|from| *from == place)
    };
    instructions().filter(loads).any(|load| {
        instructions().any(|cast| {
            cast.opcode[0] == "cvta"
                && cast.has("to")
                && cast.has("global")
                && cast.operands.get(1) == load.operands.first()
        })
    })
}
