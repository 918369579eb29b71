//! The interface as the library has it, in the words of C.

use super::Interface;
use super::words::words;

/// All that a source shows to C.
pub(super) fn interface(source: &str) -> Result<Interface, String> {
    let texts = words(source);
    let mut interface = Interface::new();
    for at in 0..texts.len() {
        match &texts[at..] {
            ["no_mangle", ")", "]", rest @ ..] => {
                let (name, said) = function(rest)?;
                interface.insert(name, said);
            }
            ["repr", "(", "C", ")", "]", rest @ ..] => {
                let (name, said) = structure(rest)?;
                interface.insert(name, said);
            }
            _ => {}
        }
    }
    Ok(interface)
}

fn function(texts: &[&str]) -> Result<(String, String), String> {
    let start = after(texts, "fn")?;
    let name = start.first().ok_or("a function has no name")?;
    let open = after(start, "(")?;
    let end = open.iter().position(|text| *text == ")").ok_or("a function has no end")?;
    let parameters = members(&open[..end])?;
    let returned = match &open[end + 1..] {
        ["-", ">", rest @ ..] => {
            let end = rest.iter().position(|text| *text == "{").ok_or("a function has no body")?;
            in_c(&rest[..end])?
        }
        _ => "void".to_owned(),
    };
    Ok(((*name).to_owned(), format!("{returned} ({})", parameters.join(", "))))
}

fn structure(texts: &[&str]) -> Result<(String, String), String> {
    let (start, is_enum) = match (after(texts, "enum"), after(texts, "struct")) {
        (Ok(an_enum), Ok(a_struct)) if an_enum.len() < a_struct.len() => (a_struct, false),
        (Ok(an_enum), _) => (an_enum, true),
        (_, a_struct) => (a_struct?, false),
    };
    let name = start.first().ok_or("a structure has no name")?;
    let open = after(start, "{")?;
    let end = open.iter().position(|text| *text == "}").ok_or("a structure has no end")?;
    let name_in_c =
        plain(name).ok_or_else(|| format!("{name} has no name in C; see header/rust.rs"))?;
    let body = match is_enum {
        true => values(name, &open[..end])?.join(", "),
        false => members(&open[..end])?.join("; "),
    };
    Ok((name_in_c.to_owned(), body))
}

/// What follows a word.
fn after<'a>(texts: &'a [&'a str], word: &str) -> Result<&'a [&'a str], String> {
    let at = texts.iter().position(|text| *text == word);
    at.map(|at| &texts[at + 1..]).ok_or_else(|| format!("{word} is missing"))
}

/// The values of an enum, each with its number, as C has them: prefix, and capitals with underscores.
fn values(of: &str, texts: &[&str]) -> Result<Vec<String>, String> {
    let prefix = match of {
        "Code" => "ETCD_ERROR_",
        "Condition" => "ETCD_IF_",
        "Kind" => "ETCD_CHANGE_",
        "OptionName" => "ETCD_OPTION_",
        _ => "ETCD_",
    };
    let values = texts.split(|text| *text == ",").filter(|value| !value.is_empty());
    values
        .map(|value| match value {
            [name, "=", number] => Ok(format!("{prefix}{} = {number}", in_capitals(name))),
            _ => Err(format!("{of} has a value without a number: {}", value.join(" "))),
        })
        .collect()
}

fn in_capitals(name: &str) -> String {
    let mut capitals = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            capitals.push('_');
        }
        capitals.push(letter.to_ascii_uppercase());
    }
    capitals
}

/// Parameters or fields: type and name, in C's order.
fn members(texts: &[&str]) -> Result<Vec<String>, String> {
    let members = texts.split(|text| *text == ",").filter(|member| !member.is_empty());
    members
        .map(|member| match member {
            ["pub", name, ":", kind @ ..] | [name, ":", kind @ ..] => {
                Ok(format!("{} {name}", in_c(kind)?))
            }
            _ => Err(format!("a member cannot be read: {}", member.join(" "))),
        })
        .collect()
}

/// A type, as C has it.
fn in_c(kind: &[&str]) -> Result<String, String> {
    match kind {
        ["*", "const", pointed @ ..] if pointed.first() != Some(&"*") => {
            Ok(format!("const {} *", in_c(pointed)?))
        }
        ["*", "mut", pointed @ ..] => Ok(format!("{} *", in_c(pointed)?)),
        [path @ .., name] if path.iter().all(|text| *text != "*") => plain(name)
            .map(str::to_owned)
            .ok_or_else(|| format!("{name} has no name in C; see header/rust.rs")),
        kind => Err(format!("a type cannot be read: {}", kind.join(" "))),
    }
}

fn plain(name: &str) -> Option<&'static str> {
    Some(match name {
        "Handle" => "void *",
        "c_void" => "void",
        "c_char" => "char",
        "c_int" => "int",
        "c_uint" => "unsigned int",
        "c_ushort" => "unsigned short",
        "usize" => "size_t",
        "u64" => "uint64_t",
        "i64" => "int64_t",
        "EtcdResult" => "etcd_result",
        "Code" => "etcd_error_code",
        "Known" => "etcd_outcome",
        "Kind" => "etcd_change_kind",
        "Condition" => "etcd_condition",
        "OptionName" => "etcd_option",
        "EtcdServer" => "etcd_server",
        "EtcdError" => "etcd_error",
        "EtcdEntry" => "etcd_entry",
        "EtcdMember" => "etcd_member",
        "EtcdChange" => "etcd_change",
        "EtcdTicket" => "etcd_ticket",
        _ => return None,
    })
}
