//! The vote that the key holds, and its text.
//!
//! Votes are compared as whole texts by the server, so only the one text that a vote prints as is
//! read as that vote: `a,1,042` is malformed.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;

/// A claim to lead, as text `name,state,fitness`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Vote {
    /// Who would lead.
    pub name: Name,
    /// How far the claim has come.
    pub state: VoteState,
    /// How good a leader it would be; more is better.
    pub fitness: i64,
}

/// How far a claim has come; its number is part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VoteState {
    /// 0: nobody leads, and anybody may take the vote over.
    None,
    /// 1: a candidate that a fitter one may still override.
    Tentative,
    /// 2: the leader, for as long as the vote lives.
    Confirmed,
}

/// A candidate's name: not empty, without commas and control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        match text.chars().find(|c| *c == ',' || c.is_control()) {
            Some(c) => Err(NameError::Forbidden(c)),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for VoteState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "0",
            Self::Tentative => "1",
            Self::Confirmed => "2",
        })
    }
}

impl fmt::Display for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, fitness } = self;
        write!(f, "{name},{state},{fitness}")
    }
}

impl FromStr for Vote {
    type Err = VoteError;

    fn from_str(text: &str) -> Result<Self, VoteError> {
        parse(text).map_err(|fault| VoteError { text: text.to_owned(), fault })
    }
}

/// The key holds something that is not a vote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed vote {:?}: a vote is NAME,STATE,FITNESS, like \"a,2,42\"", excerpt(text))]
pub struct VoteError {
    text: String,
    #[source]
    fault: VoteFault,
}

/// What is wrong with the text of a vote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoteFault {
    /// The text is not three parts.
    #[error("it has {0} parts between commas, not 3")]
    Parts(usize),
    /// The first part is not a name.
    #[error("its name is not valid")]
    Name(#[from] NameError),
    /// The second part is not a state.
    #[error("its state is {0:?}, not 0, 1 or 2")]
    State(String),
    /// The third part is not a number of 64 bits.
    #[error("its fitness is not a whole number")]
    Fitness(#[from] ParseIntError),
    /// The third part is a number that no candidate writes so.
    #[error("its fitness would be written {0}")]
    Spelling(i64),
}

impl VoteError {
    /// Returns what is wrong with the text.
    pub fn fault(&self) -> &VoteFault {
        &self.fault
    }
}

/// A name that could not stand in a vote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name has no characters.
    #[error("a name must not be empty")]
    Empty,
    /// The name has a comma or a control character.
    #[error("a name must not contain {0:?}: no commas, no control characters")]
    Forbidden(char),
}

fn parse(text: &str) -> Result<Vote, VoteFault> {
    let parts: Vec<_> = text.split(',').collect();
    let [name, state, fitness] = parts[..] else {
        return Err(VoteFault::Parts(parts.len()));
    };
    Ok(Vote { name: name.parse()?, state: parse_state(state)?, fitness: parse_fitness(fitness)? })
}

fn parse_state(text: &str) -> Result<VoteState, VoteFault> {
    match text {
        "0" => Ok(VoteState::None),
        "1" => Ok(VoteState::Tentative),
        "2" => Ok(VoteState::Confirmed),
        other => Err(VoteFault::State(excerpt(other))),
    }
}

fn parse_fitness(text: &str) -> Result<i64, VoteFault> {
    let fitness: i64 = text.parse()?;
    if fitness.to_string() == text { Ok(fitness) } else { Err(VoteFault::Spelling(fitness)) }
}

/// As much of a text as an error message should carry.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 64;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
