//! PTX text to a list of variables and functions, each a list of statements.

use super::text::{closing, inner_list, line, list, without_comments};
use super::types::Type;

#[derive(Debug, Default)]
pub struct Module {
    pub variables: Vec<Variable>,
    pub functions: Vec<Function>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    Global,
    Constant,
    Shared,
    Local,
    Param,
}

/// `.shared .align 4 .b8 tile[2048]`: 2048 elements of one byte each.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    pub space: Space,
    pub element: Type,
    pub count: usize,
    pub align: usize,
    /// `.extern`, or without a size: its place is known at launch.
    pub open: bool,
    pub values: Vec<String>,
}

impl Variable {
    pub fn bytes(&self) -> usize {
        self.element.bytes() * self.count
    }
}

#[derive(Debug)]
pub struct Function {
    pub name: String,
    /// A kernel, which the host launches; else a function that kernels call.
    pub entry: bool,
    pub results: Vec<Variable>,
    pub params: Vec<Variable>,
    pub most_threads: usize,
    pub required: [usize; 3],
    pub body: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub enum Statement {
    Open,
    Close,
    Label(String),
    /// `ts: .branchtargets A, B;`
    Targets(String, Vec<String>),
    Registers(Type, Vec<String>),
    Variable(Variable),
    Instruction(Instruction),
}

/// `@!%p1 ld.global.v2.f32 {%f1, %f2}, [%rd1+8];`
#[derive(Clone, Debug)]
pub struct Instruction {
    pub guard: Option<String>,
    pub opcode: Vec<String>,
    pub operands: Vec<String>,
    pub text: String,
}

impl Instruction {
    pub fn has(&self, modifier: &str) -> bool {
        self.opcode.iter().skip(1).any(|part| part == modifier)
    }

    pub fn types(&self) -> Vec<Type> {
        self.opcode.iter().skip(1).filter_map(|part| Type::from_name(part)).collect()
    }
}

pub fn module(text: &str) -> Result<Module, String> {
    let text = without_comments(text);
    let mut module = Module::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let word = rest.split([' ', '\t', '\n']).next().unwrap_or("");
        rest = match word {
            ".version" | ".target" | ".address_size" | ".file" | ".loc" => &rest[line_end..],
            ".section" => {
                let open = rest.find('{').ok_or("a .section without a body")?;
                &rest[closing(rest, open)? + 1..]
            }
            _ => item(rest, &mut module)?,
        }
        .trim_start();
    }
    Ok(module)
}

/// A variable or a function; gives what follows it.
fn item<'a>(rest: &'a str, module: &mut Module) -> Result<&'a str, String> {
    let end = rest.find(';').unwrap_or(rest.len());
    let brace = rest.find('{').unwrap_or(rest.len());
    let head = &rest[..end.min(brace)];
    let is_function = |word: &str| head.split_whitespace().any(|part| part == word);
    if !is_function(".entry") && !is_function(".func") {
        module.variables.push(variable(&rest[..end])?);
        return Ok(rest.get(end + 1..).unwrap_or(""));
    }
    if end < brace {
        return Ok(&rest[end + 1..]); // announced, and defined elsewhere
    }
    let close = closing(rest, brace)?;
    let function = function(head, &rest[brace + 1..close], is_function(".entry"))?;
    module.functions.push(function);
    Ok(&rest[close + 1..])
}

/// `.visible .global .align 4 .b8 name[8] = {1, 2}`
fn variable(text: &str) -> Result<Variable, String> {
    let unreadable = || format!("cannot read the variable `{}`", line(text));
    let (left, values) = text.split_once('=').unwrap_or((text, ""));
    let (mut space, mut element, mut align, mut open, mut name) = (None, None, 1, false, None);
    let mut words = left.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            ".global" => space = Some(Space::Global),
            ".const" => space = space.or(Some(Space::Constant)),
            ".shared" => space = space.or(Some(Space::Shared)),
            ".local" => space = space.or(Some(Space::Local)),
            ".param" => space = Some(Space::Param),
            ".extern" => open = true,
            ".visible" | ".weak" | ".common" | ".ptr" => {}
            ".align" => {
                align = words.next().and_then(|word| word.parse().ok()).ok_or_else(unreadable)?;
            }
            _ if word.starts_with('.') => {
                element = Some(Type::from_name(&word[1..]).ok_or_else(unreadable)?);
            }
            _ => name = Some(word),
        }
    }
    let (space, element) = (space.ok_or_else(unreadable)?, element.ok_or_else(unreadable)?);
    let (name, sizes) = name.ok_or_else(unreadable)?.split_once('[').map_or_else(
        || (name.unwrap_or(""), None),
        |(name, sizes)| (name, Some(sizes.trim_end_matches(']'))),
    );
    let mut count = 1;
    for size in sizes.iter().flat_map(|sizes| sizes.split("][")) {
        count *= if size.is_empty() { 0 } else { size.parse().map_err(|_| unreadable())? };
    }
    Ok(Variable {
        name: name.to_owned(),
        space,
        element,
        count,
        align: align.max(element.bytes()),
        open: open || count == 0,
        values: if values.is_empty() { vec![] } else { inner_list(values) },
    })
}

fn function(head: &str, body: &str, entry: bool) -> Result<Function, String> {
    let unreadable = || format!("cannot read the function `{}`", line(head));
    let word = if entry { ".entry" } else { ".func" };
    let (_, mut rest) = head.split_once(word).ok_or_else(unreadable)?;
    rest = rest.trim();
    let mut results = vec![];
    if rest.starts_with('(') {
        let close = closing(rest, 0)?;
        results = variables(&rest[1..close])?;
        rest = rest[close + 1..].trim();
    }
    let open = rest.find('(').unwrap_or(rest.len());
    let name = rest[..open].split_whitespace().next().ok_or_else(unreadable)?.to_owned();
    let (mut params, mut limits) = (vec![], &rest[open..]);
    if open < rest.len() {
        let close = closing(rest, open)?;
        params = variables(&rest[open + 1..close])?;
        limits = &rest[close + 1..];
    }
    let most = limit(limits, ".maxntid").unwrap_or([0; 3]);
    Ok(Function {
        body: statements(body).map_err(|what| format!("{name}: {what}"))?,
        name,
        entry,
        results,
        params,
        most_threads: most.iter().map(|size| (*size).max(1)).product::<usize>() * most[0].min(1),
        required: limit(limits, ".reqntid").unwrap_or([0; 3]),
    })
}

fn variables(text: &str) -> Result<Vec<Variable>, String> {
    list(text).iter().map(|text| variable(text)).collect()
}

/// `.maxntid 16, 16, 1`
fn limit(text: &str, word: &str) -> Option<[usize; 3]> {
    let (_, rest) = text.split_once(word)?;
    let rest = rest.split('.').next()?;
    let mut sizes = [1; 3];
    for (size, word) in sizes.iter_mut().zip(list(rest)) {
        *size = word.parse().ok()?;
    }
    Some(sizes)
}

fn statements(body: &str) -> Result<Vec<Statement>, String> {
    let mut out = vec![];
    let mut rest = body.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '{' || first == '}' {
            out.push(if first == '{' { Statement::Open } else { Statement::Close });
            rest = rest[1..].trim_start();
            continue;
        }
        if rest.starts_with(".loc ") || rest.starts_with(".loc\t") || rest.starts_with(".file") {
            rest = rest[rest.find('\n').unwrap_or(rest.len())..].trim_start();
            continue;
        }
        let end = rest.find(';').ok_or_else(|| format!("`{}` has no end", line(rest)))?;
        if let Some((name, after)) = label(&rest[..end]) {
            if let Some(targets) = after.strip_prefix(".branchtargets") {
                out.push(Statement::Targets(name.to_owned(), list(targets)));
                rest = rest[end + 1..].trim_start();
            } else {
                out.push(Statement::Label(name.to_owned()));
                rest = rest[rest.find(':').unwrap_or(0) + 1..].trim_start();
            }
            continue;
        }
        out.extend(statement(&rest[..end])?);
        rest = rest[end + 1..].trim_start();
    }
    Ok(out)
}

/// `$L__BB0_1: rest`
fn label(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.split_once(':')?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_$%".contains(letter);
    let is_label = !name.is_empty() && name.chars().all(plain) && !after.starts_with(':');
    is_label.then(|| (name, after.trim_start()))
}

fn statement(text: &str) -> Result<Option<Statement>, String> {
    let text: Vec<&str> = text.split_whitespace().collect();
    let text = text.join(" ");
    let word = text.split(' ').next().unwrap_or("");
    Ok(match word {
        ".pragma" | ".callprototype" | ".noreturn" => None,
        ".reg" => {
            let (of, names) = text[4..].trim().split_once(' ').ok_or("an empty .reg")?;
            let of = Type::from_name(of.trim_start_matches('.'))
                .ok_or_else(|| format!("registers of type `{of}` are not implemented"))?;
            Some(Statement::Registers(of, registers(names)?))
        }
        _ if word.starts_with('.') => Some(Statement::Variable(variable(&text)?)),
        _ => Some(Statement::Instruction(instruction(&text)?)),
    })
}

/// `%f<3>` is three registers, `%f0` to `%f2`.
fn registers(names: &str) -> Result<Vec<String>, String> {
    let mut out = vec![];
    for name in list(names) {
        match name.split_once('<') {
            None => out.push(name),
            Some((stem, count)) => {
                let count: usize = count
                    .trim_end_matches('>')
                    .parse()
                    .map_err(|_| format!("cannot count the registers of `{name}`"))?;
                out.extend((0..count).map(|number| format!("{stem}{number}")));
            }
        }
    }
    Ok(out)
}

fn instruction(text: &str) -> Result<Instruction, String> {
    let (guard, rest) = match text.strip_prefix('@') {
        None => (None, text),
        Some(guarded) => {
            let (guard, rest) = guarded.split_once(' ').ok_or("a guard without an instruction")?;
            (Some(guard.to_owned()), rest.trim())
        }
    };
    let (opcode, operands) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(Instruction {
        guard,
        opcode: opcode.split('.').map(str::to_owned).collect(),
        operands: list(operands),
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_read() {
        let text = ".version 8.0\n.target sm_75\n.address_size 64\n
            .global .align 4 .f32 scale = 0f3F800000;
            .visible .entry add(\n .param .u64 add_param_0,\n .param .align 4 .b8 add_param_1[12]\n)\n.maxntid 256, 1, 1\n{
            .reg .f32 %f<3>;\n .shared .align 4 .b8 tile[64];\n ld.param.u64 %rd1, [add_param_0];\n
            @%p1 bra $L__BB0_2;\n $L__BB0_2:\n ret;\n}";
        let module = module(text).unwrap();
        assert_eq!(module.variables[0].values, ["0f3F800000"]);
        let kernel = &module.functions[0];
        assert!(kernel.entry);
        assert_eq!((kernel.name.as_str(), kernel.most_threads), ("add", 256));
        assert_eq!(kernel.params[1].bytes(), 12);
        assert_eq!(kernel.body.len(), 6);
        assert!(matches!(&kernel.body[4], Statement::Label(name) if name == "$L__BB0_2"));
        let Statement::Instruction(branch) = &kernel.body[3] else { panic!() };
        assert_eq!(
            (branch.guard.as_deref(), &branch.operands[..]),
            (Some("%p1"), &["$L__BB0_2".to_owned()][..])
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = module(".global .texref image;").unwrap_err();
        assert!(error.contains("image"), "{error}");
    }
}
