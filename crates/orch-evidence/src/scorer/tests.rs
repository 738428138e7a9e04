use std::sync::Mutex;
use std::time::Duration;

use orch_core::{ErrorKind, Output, Usage};
use serde_json::{Value, json};

use super::*;
use crate::stopping::Never;
use crate::{Bundle, BundleOptions, Bundler, Command, Compare, ConsensusRules, Input, TextMetric};

/// Knows synonyms; notes what it is asked.
#[derive(Default)]
struct Thesaurus {
    asked: Mutex<Vec<Vec<(String, String)>>>,
    says: Option<Vec<f64>>,
    never: bool,
}

#[async_trait]
impl AsyncPairScorer for Thesaurus {
    fn name(&self) -> &str {
        "thesaurus"
    }

    async fn score(&self, pairs: &[TextPair], _: &CallContext) -> Result<Vec<f64>, Error> {
        self.asked.lock().unwrap().push(pairs.iter().map(|pair| (pair.a.to_string(), pair.b.to_string())).collect());
        if self.never {
            std::future::pending::<()>().await;
        }
        let cars = ["Car!", "Automobile"];
        let both_cars = |pair: &TextPair| cars.contains(&&*pair.a) && cars.contains(&&*pair.b);
        Ok(self.says.clone().unwrap_or_else(|| pairs.iter().map(|p| if both_cars(p) { 0.1 } else { 0.9 }).collect()))
    }
}

async fn bundle(answers: &[Value], rules: ConsensusRules, scorer: Arc<dyn AsyncPairScorer>) -> Bundle {
    let k = u32::try_from(answers.len()).unwrap();
    let options = BundleOptions::new().k(k).epsilon(0.2).rules(rules);
    let mut bundler = Bundler::new(&options).unwrap().with_stop(Never).with_scorer(scorer.name());
    let mut todo = bundler.start();
    while let Some(command) = todo.pop() {
        todo.extend(match command {
            Command::Launch { index, .. } => {
                let result = Ok(Output::from(answers[index as usize - 1].clone()));
                bundler.on(Input::Finished { index, result, usage: Usage::new(), elapsed: Duration::ZERO })
            }
            Command::Measure { index, against } => {
                let work = bundler.measurement(index, &against);
                let row = scored(work, Arc::clone(&scorer), CallContext::new(), index % 2 == 0).await.unwrap();
                bundler.on(Input::Measured { index, row })
            }
            _ => Vec::new(),
        });
    }
    bundler.finish().unwrap()
}

#[tokio::test]
async fn texts_are_compared_as_the_scorer_says_and_each_pair_is_asked_for_once() {
    let scorer = Arc::new(Thesaurus::default());
    let answers = [json!("Car!"), json!("Automobile"), json!("automobile."), json!("Bicycle")];
    let bundle = bundle(&answers, ConsensusRules::new(), scorer.clone()).await;
    assert_eq!(bundle.summary.clusters[0].weight, 3.0);
    let mut asked: Vec<(String, String)> = scorer.asked.lock().unwrap().concat();
    asked.iter_mut().for_each(|pair| {
        if pair.0 > pair.1 {
            std::mem::swap(&mut pair.0, &mut pair.1);
        }
    });
    asked.sort();
    // As they were said; `automobile.` is the same as the one before once normalised.
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked.iter().all(|(a, b)| [a, b]
            .iter()
            .all(|text| text[..1].chars().all(char::is_uppercase) || *text == "automobile."))
    );
    assert_eq!((&bundle.metadata["scorer"], &bundle.metadata["scored_pairs"]), (&json!("thesaurus"), &json!(3)));
    assert!(!bundle.metadata.contains_key("warnings"));
}

#[tokio::test]
async fn fields_with_a_metric_of_their_own_are_not_asked_for() {
    let scorer = Arc::new(Thesaurus::default());
    let rules = ConsensusRules::new().field("/code", TextMetric::Exact).field("/n", Compare::Date);
    let answers = [json!({"code": "A", "what": "Car!"}), json!({"code": "B", "what": "Automobile"})];
    let bundle = bundle(&answers, rules, scorer.clone()).await;
    assert_eq!(scorer.asked.lock().unwrap().concat().len(), 1);
    // Half of a code and 0.1 of a word.
    assert_eq!(bundle.summary.pairwise_distance[0][1], 1.1 / 2.0);
    // The vote of the field has it too.
    assert_eq!(bundle.summary.distributions["/what"].distinct, 1);
}

#[tokio::test(start_paused = true)]
async fn a_scorer_that_fails_is_slow_or_talks_nonsense_leaves_the_comparison_to_the_metric() {
    let answers = [json!("Car!"), json!("Automobile")];
    for (scorer, why) in [
        (Thesaurus { never: true, ..Thesaurus::default() }, "it took longer than 10s"),
        (Thesaurus { says: Some(vec![f64::NAN]), ..Thesaurus::default() }, "it gave NaN"),
        (Thesaurus { says: Some(vec![]), ..Thesaurus::default() }, "it gave 0 distances for 1 pairs"),
    ] {
        let bundle = bundle(&answers, ConsensusRules::new(), Arc::new(scorer)).await;
        assert_eq!(bundle.summary.pairwise_distance[0][1], 1.0);
        let warnings = bundle.metadata["warnings"].to_string();
        assert!(warnings.contains("was compared by `token_levenshtein`") && warnings.contains(why), "{warnings}");
        assert_eq!(bundle.metadata["scored_pairs"], json!(0));
    }
}

/// Counts its calls; the vector of a text are the numbers in it.
fn embeddings(calls: Arc<Mutex<Vec<usize>>>) -> impl AsyncPairScorer {
    let service = tower::service_fn(move |texts: Vec<String>| {
        calls.lock().unwrap().push(texts.len());
        let vector = |text: &String| text.split(' ').filter_map(|word| word.parse().ok()).collect();
        std::future::ready(Ok::<Vec<Vec<f32>>, Error>(texts.iter().map(vector).collect()))
    });
    CosineScorer::new("numbers", service, |texts, _| texts, |vectors| vectors).batch(2)
}

#[tokio::test]
async fn cosine_embeds_each_text_once_in_batches() {
    let calls = Arc::default();
    let scorer = embeddings(Arc::clone(&calls));
    let pairs = [TextPair::new("1 0", "0 1"), TextPair::new("1 0", "1 1"), TextPair::new("1 0", "-1 0")];
    let found = scorer.score(&pairs, &CallContext::new()).await.unwrap();
    assert_eq!((found[0], found[2]), (1.0, 1.0));
    assert!((found[1] - (1.0 - 0.5_f64.sqrt())).abs() < 1e-6);
    assert_eq!(*calls.lock().unwrap(), [2, 2]);
    scorer.score(&pairs, &CallContext::new()).await.unwrap();
    assert_eq!(calls.lock().unwrap().len(), 2, "vectors are kept");
}

#[tokio::test]
async fn vectors_without_an_angle_are_a_bad_output() {
    for odd in ["0 0", "1", "words"] {
        let scorer = embeddings(Arc::default());
        let error = scorer.score(&[TextPair::new("1 0", odd)], &CallContext::new()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::BadOutput { .. }), "{error:?}");
    }
}
