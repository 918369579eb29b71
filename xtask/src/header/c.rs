//! The interface as the header declares it.

use super::Interface;
use super::words::words;

/// All that a header declares; handles are what they stand for.
pub(super) fn interface(header: &str) -> Result<Interface, String> {
    let code: String = header
        .lines()
        .filter(|line| !line.starts_with(['#', '}']) || line.starts_with("} "))
        .filter(|line| !line.starts_with("extern"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let words = words(&code);
    let mut interface = Interface::new();
    for statement in statements(&words) {
        let Some((name, said)) = declared(statement)? else { continue };
        interface.insert(name, said);
    }
    Ok(interface)
}

/// The words of each statement, without the semicolon that ends it.
fn statements<'a>(words: &[&'a str]) -> Vec<Vec<&'a str>> {
    let (mut all, mut now, mut depth) = (Vec::new(), Vec::new(), 0);
    for &word in words {
        match word {
            "{" => depth += 1,
            "}" => depth -= 1,
            ";" if depth == 0 => {
                all.push(std::mem::take(&mut now));
                continue;
            }
            _ => {}
        }
        now.push(word);
    }
    all
}

fn declared(statement: Vec<&str>) -> Result<Option<(String, String)>, String> {
    match statement.as_slice() {
        ["typedef", "enum", "{", values @ .., "}", name] => {
            let values = values.split(|text| *text == ",").filter(|value| !value.is_empty());
            let values: Vec<_> = values.map(|value| value.join(" ")).collect();
            Ok(Some(((*name).to_owned(), values.join(", "))))
        }
        ["typedef", "struct", "{", fields @ .., "}", name] => {
            let fields = fields.split(|text| *text == ";").filter(|field| !field.is_empty());
            let fields: Result<Vec<_>, _> = fields.map(parameter).collect();
            Ok(Some(((*name).to_owned(), fields?.join("; "))))
        }
        // A handle, which is what it stands for wherever it is used.
        ["typedef", ..] => Ok(None),
        statement => function(statement).map(Some),
    }
}

fn function(statement: &[&str]) -> Result<(String, String), String> {
    let unreadable = || format!("the header declares what cannot be read: {}", statement.join(" "));
    let open = statement.iter().position(|text| *text == "(").ok_or_else(unreadable)?;
    let (head, tail) = statement.split_at(open);
    let ([returned @ .., name], ["(", parameters @ .., ")"]) = (head, tail) else {
        return Err(unreadable());
    };
    let parameters = match parameters {
        [] | ["void"] => String::new(),
        parameters => {
            let each = parameters.split(|text| *text == ",").map(parameter);
            each.collect::<Result<Vec<_>, _>>()?.join(", ")
        }
    };
    Ok(((*name).to_owned(), format!("{} ({parameters})", of(returned))))
}

/// A parameter or a field: its type and its name.
fn parameter(texts: &[&str]) -> Result<String, String> {
    match texts {
        [kind @ .., name] if !kind.is_empty() => Ok(format!("{} {name}", of(kind))),
        _ => Err(format!("the header has a parameter without a name: {}", texts.join(" "))),
    }
}

/// A type, with handles and the numbers that are passed in as what they are.
fn of(kind: &[&str]) -> String {
    let plain = kind.iter().map(|text| match *text {
        "etcd_session" | "etcd_watcher" => "void *",
        "etcd_option" | "etcd_condition" => "int",
        text => text,
    });
    plain.collect::<Vec<_>>().join(" ")
}
