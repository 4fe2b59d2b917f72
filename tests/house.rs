//! The rules of the house that the compiler does not check: no module imports one above it, nothing
//! is unsafe, and no module without `std` takes a float function from it, whose last bit differs from one
//! machine to the next.

use std::fs;
use std::path::{Path, PathBuf};

/// What a module may import, beside itself. A new module gets its line here.
fn below(module: &str) -> Option<&'static [&'static str]> {
    Some(match module {
        "rule" | "shape" => &[],
        "math" => &["shape"],
        "gpu" => &["shape"],
        "loss" => &["math", "shape", "gpu"],
        "update" => &["math", "shape"],
        "layer" => &["rule", "shape", "math", "loss", "update", "gpu"],
        "graph" => &["layer", "shape", "loss"],
        "plan" => &["graph", "layer", "shape", "loss", "update"],
        "init" => &["rule", "graph", "plan", "layer", "gpu"],
        "engine" => {
            &["rule", "plan", "graph", "layer", "update", "loss", "init", "math", "shape", "gpu"]
        }
        "recipe" => &["rule", "init", "plan", "graph", "layer", "model", "shape"],
        "model" => &["graph", "shape", "layer", "loss", "plan"],
        "int8" => &["rule", "shape", "math", "layer", "graph", "plan", "init", "engine", "recipe"],
        "device" => &[
            "rule", "shape", "math", "loss", "update", "layer", "graph", "plan", "init", "engine",
            "int8", "recipe",
        ],
        "data" => &["rule", "shape"],
        _ => return None,
    })
}

/// What stands above the library of `no_std`, and needs an operating system: each may import
/// everything before it in this list, and all of the above.
const ABOVE: &[&str] = &["exchange", "checkpoint", "train", "analysis", "experiment", "bin"];

/// Modules whose code needs `std`, and may use its floats.
fn needs_std(module: &str) -> bool {
    ABOVE.contains(&module)
}

fn may_import(module: &str, other: &str) -> bool {
    let height = |module| ABOVE.iter().position(|above| *above == module);
    match (below(module), height(module), height(other)) {
        (Some(below), _, _) => below.contains(&other),
        (None, Some(height), other) => other.is_none_or(|other| other < height),
        (None, None, _) => panic!("{module} is in no table of tests/house.rs"),
    }
}

/// A source file, without comments, literals and what is compiled for tests only.
struct Source {
    path: PathBuf,
    /// The modules that it lies in: `layer::dense::portable`.
    module: Vec<String>,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut sources) = (vec![root.clone()], vec![]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap().with_extension("");
                let names = inside.iter().map(|name| name.to_str().unwrap().to_owned());
                let module: Vec<String> =
                    names.filter(|name| !["mod", "lib", "main"].contains(&&**name)).collect();
                // `tests.rs` is a module of `#[cfg(test)]`
                if module.last().is_none_or(|name| name != "tests") {
                    let code = without_tests(&bare(&fs::read_to_string(&path).unwrap()));
                    sources.push(Source { path, module, code });
                }
            }
        }
    }
    assert!(sources.len() > 50, "only {} files", sources.len());
    sources
}

/// Code with comments and literals left out.
fn bare(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skip = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => string(rest, 1),
            'r' if rest.starts_with("r#\"") && !ends_in_word(&bare) => {
                rest[3..].find("\"#").map_or(rest.len(), |end| end + 5)
            }
            '\'' => character(rest),
            _ => 0,
        };
        if skip == 0 {
            bare.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            bare.push(' ');
            rest = &rest[skip..];
        }
    }
    bare
}

/// The length of a string literal whose text begins at `at`.
fn string(text: &str, at: usize) -> usize {
    let mut escaped = false;
    for (i, c) in text[at..].char_indices() {
        match c {
            '"' if !escaped => return at + i + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of a character literal; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[2..].find('\'').map_or(0, |end| end + 3),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(is_word)
}

/// Code without the items that stand behind `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        rest = &rest[at + "#[cfg(test)]".len()..];
        // to the end of the item: its semicolon, or the brace that closes it
        let mut depth = 0;
        let end = rest.char_indices().find_map(|(i, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, '}' | ';')).then_some(i + 1)
        });
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    kept + rest
}

/// The words of a path, and all paths of a group in braces: `a::{b, c::d}`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let (mut depth, mut begin, mut found) = (0, 0, vec![]);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                '}' => {
                    found.extend(paths(&group[begin..i]));
                    break;
                }
                ',' if depth == 0 => {
                    found.extend(paths(&group[begin..i]));
                    begin = i + 1;
                }
                _ => {}
            }
        }
        return found;
    }
    let word: String = text.chars().take_while(|&c| is_word(c)).collect();
    if word.is_empty() {
        return vec![];
    }
    match text[word.len()..].trim_start().strip_prefix("::") {
        None => vec![vec![word]],
        Some(rest) => {
            let rest = paths(rest);
            let rest = if rest.is_empty() { vec![vec![]] } else { rest };
            rest.into_iter().map(|path| [vec![word.clone()], path].concat()).collect()
        }
    }
}

/// The places in code where a word begins.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(word).filter_map(move |(at, _)| {
        let behind = &code[at + word.len()..];
        let whole = !ends_in_word(&code[..at]) && !behind.starts_with(is_word);
        whole.then_some(&code[at..])
    })
}

/// The top-level modules that a file names, by `crate::` or by `super::` up to the root.
fn imports(module: &[String], code: &str, top: &[String]) -> Vec<String> {
    let mut found = vec![];
    for text in words(code, "crate").chain(words(code, "super")) {
        // `super::super` is seen from its first word
        let before = &code[..code.len() - text.len()];
        if before.trim_end().ends_with("super::") {
            continue;
        }
        for path in paths(text) {
            let supers = path.iter().take_while(|word| *word == "super").count();
            let absolute: Vec<&String> = if path[0] == "crate" {
                path[1..].iter().collect()
            } else {
                let inside = module.len().saturating_sub(supers);
                module[..inside].iter().chain(&path[supers..]).collect()
            };
            found.extend(
                absolute.first().filter(|name| top.contains(name)).map(|&name| name.clone()),
            );
        }
    }
    found.sort();
    found.dedup();
    found
}

fn top_level(sources: &[Source]) -> Vec<String> {
    let mut top: Vec<String> =
        sources.iter().filter_map(|source| source.module.first().cloned()).collect();
    top.sort();
    top.dedup();
    top
}

#[test]
fn no_module_imports_one_above_it() {
    let sources = sources();
    let top = top_level(&sources);
    let mut wrong = vec![];
    for source in sources.iter().filter(|source| !source.module.is_empty()) {
        let module = &source.module[0];
        if module == "bin" {
            continue;
        }
        for other in imports(&source.module, &source.code, &top) {
            if other != *module && !may_import(module, &other) {
                wrong.push(format!("{}: {module} imports {other}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_tables_have_no_circle() {
    let sources = sources();
    let modules = top_level(&sources);
    // who imports only what is placed already is placed next; all must find their place
    let mut placed: Vec<&str> = vec![];
    while let Some(next) = modules.iter().map(String::as_str).find(|module| {
        let needs = |other: &&String| **other != **module && may_import(module, other);
        !placed.contains(module)
            && modules.iter().filter(needs).all(|other| placed.contains(&other.as_str()))
    }) {
        placed.push(next);
    }
    assert_eq!(placed.len(), modules.len(), "{placed:?} of {modules:?}");
}

/// What is unsafe lies in `gpu` and in `int8::dsp`, and says each time who guarantees what.
#[test]
fn only_calls_of_the_gpus_driver_and_instructions_are_unsafe() {
    for source in sources() {
        let path = source.path.display();
        let count = words(&source.code, "unsafe").count();
        let instructions = source.module == ["int8", "dsp"];
        if instructions {
            // one instruction each, and nothing else of the language's unsafe
            assert_eq!(
                words(&source.code, "asm").filter(|text| text.starts_with("asm!")).count(),
                count
            );
        } else if source.module.first().is_none_or(|module| module != "gpu") {
            assert_eq!(count, 0, "{path}");
        }
        let text = fs::read_to_string(&source.path).unwrap();
        assert_eq!(text.matches("// SAFETY: ").count(), count, "{path}");
    }
}

/// The functions of floats that only `std` has.
const FLOAT: &[&str] = &[
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "exp",
    "exp2",
    "exp_m1",
    "floor",
    "fract",
    "hypot",
    "ln",
    "ln_1p",
    "log",
    "log10",
    "log2",
    "mul_add",
    "powf",
    "powi",
    "round",
    "round_ties_even",
    "sin",
    "sin_cos",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
];

/// Where code calls such a function: as a method, or by its type.
fn floats(code: &str) -> Vec<&'static str> {
    let called = |name: &&&str| {
        words(code, name).any(|text| {
            let before = code[..code.len() - text.len()].trim_end();
            let method = before.ends_with('.') && text[name.len()..].trim_start().starts_with('(');
            method || before.ends_with("f32::") || before.ends_with("f64::")
        })
    };
    FLOAT.iter().filter(called).copied().collect()
}

#[test]
fn no_float_function_of_std_is_called() {
    for source in sources() {
        let module = source.module.first().map_or("", String::as_str);
        if needs_std(module) {
            continue;
        }
        let mut found = floats(&source.code);
        // in models, `.tanh()` puts a layer behind a graph
        found.retain(|name| !(module == "model" && *name == "tanh"));
        assert!(found.is_empty(), "{} calls {found:?}", source.path.display());
    }
}

#[test]
fn the_reader_of_sources_reads() {
    let module = ["layer", "dense", "portable"].map(str::to_owned);
    let top = ["plan", "graph", "layer", "math", "engine", "rule"].map(str::to_owned);
    let found = |code: &str| imports(&module, &without_tests(&bare(code)), &top).join(" ");
    assert_eq!(found("use crate::plan::Net;"), "plan");
    assert_eq!(found("use crate::{graph::{Graph, Node}, math, shape};"), "graph math");
    assert_eq!(found("use super::super::super::engine::Error;"), "engine");
    assert_eq!(found("use super::super::super::{plan, rule::Dims};"), "plan rule");
    assert_eq!(found("use super::{super::engine, Dense};"), "layer");
    assert_eq!(found("fn f(x: crate::graph::Value) {}"), "graph");
    assert_eq!(
        found("/// [`Plan`](crate::plan::Plan)\n// crate::engine\nlet x = \"crate::rule\";"),
        ""
    );
    assert_eq!(
        found("#[cfg(test)]\nmod tests { use crate::plan; fn f() {} }\nuse crate::math;"),
        "math"
    );
    assert_eq!(found("#[cfg(test)]\nuse crate::plan;\nuse crate::rule;"), "rule");
    assert_eq!(
        found("let c = '\"'; use crate::plan; let d = '\\''; fn f<'a>(x: &'a str) {}"),
        "plan"
    );
    assert_eq!(found("let t = r#\"crate::plan \" \"#; use crate::graph;"), "graph");
    assert_eq!(words(&bare("unsafe_code /* unsafe */ unsafe { \"unsafe\" }"), "unsafe").count(), 1);
    assert_eq!(
        floats("let y = x.sqrt() + f32::exp(x) + a\n.powi (2); y.max(0.0) + math::ln(x)"),
        ["exp", "powi", "sqrt"]
    );
    assert_eq!(floats("x.ln_1p(); x.tanh; libm::sqrtf(x); self.floor_plan()"), ["ln_1p"]);
    assert!(!may_import("layer", "engine") && may_import("engine", "layer"));
    assert!(may_import("train", "engine") && !may_import("train", "experiment"));
}
