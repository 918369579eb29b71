//! What the demo says of its steps.

use std::time::Instant;

use serde_json::json;

use super::place::Place;
use crate::output::Output;

/// Tells of steps, as people or machines read it.
pub(super) struct Wording<'a> {
    output: &'a Output,
    began: Instant,
    step: usize,
    shown: usize,
}

impl<'a> Wording<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self { output, began: Instant::now(), step: 0, shown: 0 }
    }

    pub(super) fn begin(&self, place: &Place) -> std::io::Result<()> {
        let (where_, api) = (place.describe(), place.api());
        let json = json!({ "servers": where_, "api": api, "directory": place.directory });
        self.output.line(&json, || format!("On {where_}, over {api}, below {}", place.directory))
    }

    pub(super) fn step(&mut self, title: &str) -> std::io::Result<()> {
        self.step += 1;
        self.shown += 1;
        let number = self.step;
        self.output
            .lines(&json!({ "step": number, "title": title }), || format!("\n{number}. {title}\n"))
    }

    /// Something that was seen to be so.
    pub(super) fn saw(&self, what: &str) -> std::io::Result<()> {
        self.output.line(&json!({ "step": self.step, "saw": what }), || format!("   {what}"))
    }

    /// Why this step is left out.
    pub(super) fn not_shown(&mut self, why: &str) -> std::io::Result<()> {
        self.shown -= 1;
        self.output.line(&json!({ "step": self.step, "not_shown": why }), || {
            format!("   not shown: {why}")
        })
    }

    pub(super) fn end(&self) -> std::io::Result<()> {
        let (shown, seconds) = (self.shown, self.began.elapsed().as_secs_f64());
        let json = json!({ "shown": shown, "steps": self.step, "seconds": seconds });
        self.output.lines(&json, || {
            format!("\n{shown} of {} steps shown in {seconds:.1} s, and all held.\n", self.step)
        })
    }
}
