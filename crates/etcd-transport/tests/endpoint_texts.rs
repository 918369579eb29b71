//! The table of texts that name a server or do not, with what each means or what is said about it.
//!
//! A line of `endpoint_texts.txt` is a text in quotes, with escapes as in Rust, and behind a tab what
//! it comes to: `= ` and the endpoint as it is shown, or `! ` and the whole error.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

use etcd_transport::endpoint::{Endpoint, parse_list};

const TABLE: &str = include_str!("endpoint_texts.txt");
const SECRET: &str = "hunter2";

fn rows() -> impl Iterator<Item = (String, &'static str)> {
    let rows = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|row| {
        let (text, result) = row.split_once('\t').unwrap();
        (unquoted(text), result)
    })
}

fn unquoted(quoted: &str) -> String {
    let mut text = String::new();
    let mut rest = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap().chars();
    while let Some(c) = rest.next() {
        text.push(match c {
            '\\' => escaped(&mut rest),
            c => c,
        });
    }
    // An asterisk and a number at the end: so often what stands before it, for long texts.
    match text.rsplit_once('*').map(|(what, count)| (what, count.parse())) {
        Some((what, Ok(count))) => what.repeat(count),
        _ => text,
    }
}

fn escaped(rest: &mut impl Iterator<Item = char>) -> char {
    match rest.next().unwrap() {
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        '0' => '\0',
        'u' => {
            let digits: String = rest.skip(1).take_while(|&c| c != '}').collect();
            char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
        }
        c => c,
    }
}

fn said(text: &str) -> String {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => format!("= {endpoint}"),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn each_text_means_or_is_said_what_the_table_has() {
    let wrong: Vec<_> = rows().filter(|(text, result)| said(text) != *result).collect();
    let shown: Vec<_> = wrong
        .iter()
        .map(|(text, result)| format!("{text:?}\n  {}\n  {result}", said(text)))
        .collect();
    assert!(wrong.is_empty(), "what is said, and what the table has:\n{}", shown.join("\n"));
    assert!(rows().count() >= 200, "{}", rows().count());
}

#[test]
fn no_error_shows_a_password_or_a_control_character_or_runs_on() {
    let mut secrets = 0;
    for (text, _) in rows() {
        secrets += usize::from(text.contains(SECRET));
        for said in [said(&text), format!("{:?}", parse_list(&text)), said(&format!("{text}@"))] {
            assert!(!said.contains(SECRET), "{said}");
            assert!(!said.contains(char::is_control), "{said:?}");
            assert!(said.len() < 1000, "{said}");
        }
    }
    assert!(secrets >= 10, "{secrets}");
}

#[test]
fn a_list_takes_what_its_parts_are() {
    let is_one = |text: &str| !text.is_empty() && !text.contains([',', ';', '@']);
    for (text, result) in rows().filter(|(text, _)| is_one(text)) {
        if text.contains(char::is_whitespace) {
            continue;
        }
        // Servers with TLS stand with others of their kind, and those without it too.
        let other = if result.contains("= https://") { "https://other:1" } else { "other:1" };
        let both = parse_list(&format!("{other},{text}"));
        assert_eq!(both.is_ok(), result.starts_with('='), "{text:?}: {both:?}");
    }
}
