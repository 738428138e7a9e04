//! Who is how often right, when nobody knows what is right: expectation and maximisation.

/// The answers of all sources to one question: who gave which, and how many different ones there are.
pub(super) struct Question {
    /// For each different answer, who gave it.
    pub(super) answers: Vec<Vec<usize>>,
}

impl Question {
    pub(super) fn new(row: &[Option<u32>]) -> Self {
        let mut labels: Vec<u32> = Vec::new();
        let mut answers: Vec<Vec<usize>> = Vec::new();
        for (source, label) in row.iter().enumerate().filter_map(|(source, label)| Some((source, (*label)?))) {
            match labels.iter().position(|other| *other == label) {
                Some(at) => answers[at].push(source),
                None => {
                    labels.push(label);
                    answers.push(vec![source]);
                }
            }
        }
        Self { answers }
    }

    /// How many wrong answers there are at least to err to.
    fn wrong_ways(&self) -> f64 {
        (self.answers.len().max(2) - 1) as f64
    }
}

/// What a fit found.
pub(super) struct Fit {
    /// How often each source is right.
    pub(super) accuracies: Vec<f64>,
    /// To how many questions each gave an answer.
    pub(super) answered: Vec<f64>,
    /// The most probable answer to each question, by its place; `None` where nobody answered.
    pub(super) best: Vec<Option<usize>>,
}

const ROUNDS: u32 = 50;

/// Every source is right with a chance of its own and else errs to any of the other answers given, each as likely: the
/// one-coin model of Dawid and Skene (1979). A made-up hit and miss of each keep chances off 0 and 1.
pub(super) fn fit(questions: &[Question], sources: usize) -> Fit {
    let mut accuracies = vec![0.7; sources];
    let mut answered = vec![0.0; sources];
    for source in questions.iter().flat_map(|question| question.answers.iter().flatten()) {
        answered[*source] += 1.0;
    }
    for _ in 0..ROUNDS {
        let mut right = vec![0.0; sources];
        for question in questions {
            for (who, chance) in question.answers.iter().zip(posterior(question, &accuracies)) {
                for source in who {
                    right[*source] += chance;
                }
            }
        }
        accuracies =
            right.iter().zip(&answered).map(|(right, of)| ((right + 1.0) / (of + 2.0)).clamp(0.01, 0.99)).collect();
    }
    let best = questions.iter().map(|question| most_probable(&posterior(question, &accuracies))).collect();
    Fit { accuracies, answered, best }
}

/// The chance of each answer to be right.
fn posterior(question: &Question, accuracies: &[f64]) -> Vec<f64> {
    let odds = |source: &usize| (accuracies[*source] / (1.0 - accuracies[*source]) * question.wrong_ways()).ln();
    let scores: Vec<f64> = question.answers.iter().map(|who| who.iter().map(odds).sum()).collect();
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts: Vec<f64> = scores.iter().map(|score| (score - top).exp()).collect();
    let all: f64 = parts.iter().sum();
    parts.iter().map(|part| part / all).collect()
}

/// The place of the largest; of equals the first.
fn most_probable(chances: &[f64]) -> Option<usize> {
    let best = chances.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(at, _)| at)
}
