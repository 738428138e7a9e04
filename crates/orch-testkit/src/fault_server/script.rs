use super::answer::Answer;
use super::failure::Failure;
use super::received::Received;
use super::wire::Wire;

/// Which answer comes next: of the path's own script, or of the one for every wire.
#[derive(Debug)]
pub(super) struct Scripts {
    every: Script,
    own: Vec<(String, Script)>,
}

#[derive(Debug)]
struct Script {
    answers: Vec<Answer>,
    next: usize,
}

impl Scripts {
    pub(super) fn new(answers: Vec<Answer>) -> Self {
        Self { every: Script::new(answers), own: Vec::new() }
    }

    pub(super) fn add(&mut self, answer: Answer) {
        let Script { answers, next } = &mut self.every;
        // Repeated answers were none of the script.
        *next = answers.len().min(*next);
        answers.push(answer);
    }

    /// A path's own script, in place of the one that it had.
    pub(super) fn set(&mut self, path: String, answers: Vec<Answer>) {
        self.own.retain(|(known, _)| *known != path);
        self.own.push((path, Script::new(answers)));
    }

    pub(super) fn next(&mut self, request: &Received) -> Answer {
        let path = request.route();
        if let Some((_, script)) = self.own.iter_mut().find(|(own, _)| own == path) {
            return script.next();
        }
        if Wire::at(path).is_some() {
            return self.every.next();
        }
        Failure::new(404).message(format!("the fault server has no script for `{path}`")).into()
    }
}

impl Script {
    fn new(answers: Vec<Answer>) -> Self {
        Self { answers, next: 0 }
    }

    /// The last one again when the script is over.
    fn next(&mut self) -> Answer {
        let answer = self.answers.get(self.next).or(self.answers.last()).cloned();
        self.next += 1;
        answer.unwrap_or_else(|| Failure::new(501).message("the fault server's script is empty").into())
    }
}
