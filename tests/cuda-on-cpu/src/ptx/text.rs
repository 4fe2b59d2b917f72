//! PTX as text: comments, brackets, lists and names.

/// Leaves comments out, and keeps the lines.
pub fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('/') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            let end = rest.find("*/").map_or(rest.len(), |end| end + 2);
            out.extend(rest[..end].chars().filter(|letter| *letter == '\n'));
            rest = &rest[end..];
        } else {
            out.push('/');
            rest = &rest[1..];
        }
    }
    out + rest
}

/// Where the bracket that opens at `open` is closed.
pub fn closing(text: &str, open: usize) -> Result<usize, String> {
    let mut depth = 0;
    for (at, letter) in text.bytes().enumerate().skip(open) {
        match letter {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
            _ => {}
        }
    }
    Err(format!("a bracket is never closed: `{}`", line(&text[open..])))
}

/// The parts of a list, at its commas outside brackets.
pub fn list(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut part) = (vec![], 0, String::new());
    for letter in text.chars() {
        match letter {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(part.trim().to_owned());
                part.clear();
                continue;
            }
            _ => {}
        }
        part.push(letter);
    }
    if !part.trim().is_empty() {
        parts.push(part.trim().to_owned());
    }
    parts
}

/// A list in brackets of any kind, or the one thing that has none.
pub fn inner_list(text: &str) -> Vec<String> {
    list(text.trim().trim_start_matches(['{', '(']).trim_end_matches(['}', ')']))
}

/// A PTX name as a C++ one.
pub fn identifier(name: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            letter.to_string()
        } else {
            format!("_{:x}_", u32::from(letter))
        }
    };
    name.chars().map(letter).collect()
}

/// One line of it, for a message.
pub fn line(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().take(12).collect();
    line.join(" ")
}

/// A C++ string literal.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_lines_stay() {
        assert_eq!(without_comments("a // b\nc /* d\n e */ f / g"), "a \nc \n f / g");
    }

    #[test]
    fn lists_split_outside_brackets() {
        assert_eq!(list("{%f1, %f2}, [%rd1+4], 7"), ["{%f1, %f2}", "[%rd1+4]", "7"]);
        assert_eq!(inner_list("(a, b)"), ["a", "b"]);
    }

    #[test]
    fn brackets_nest() {
        assert_eq!(closing("f(a[1], {b})", 1), Ok(11));
        assert!(closing("{ {", 0).is_err());
    }
}
