//! How figures are printed.

use std::io::Write;

use crate::figures::Figure;
use crate::set::Set;

/// One JSON object a line.
pub(crate) fn lines(out: &mut impl Write, figures: &[Figure]) -> anyhow::Result<()> {
    for figure in figures {
        serde_json::to_writer(&mut *out, figure)?;
        writeln!(out)?;
    }
    Ok(())
}

/// A row for each metric and a column for each K.
pub(crate) fn table(out: &mut impl Write, set: &Set, figures: &[Figure]) -> anyhow::Result<()> {
    let mut sizes: Vec<usize> = figures.iter().map(|figure| figure.k).collect();
    sizes.dedup();
    let mut metrics: Vec<&str> = Vec::new();
    for figure in figures {
        if !metrics.contains(&figure.metric.as_str()) {
            metrics.push(&figure.metric);
        }
    }
    writeln!(out, "{} ({} questions)", set.name, set.questions.len())?;
    write!(out, "  {:<36}", "")?;
    for k in &sizes {
        write!(out, "{:>10}", format!("K={k}"))?;
    }
    writeln!(out)?;
    for metric in metrics {
        write!(out, "  {metric:<36}")?;
        for k in &sizes {
            let found = figures.iter().find(|figure| figure.k == *k && figure.metric == metric);
            write!(out, "{:>10}", found.map_or_else(|| "-".to_owned(), |figure| shown(metric, figure.value)))?;
        }
        writeln!(out)?;
    }
    writeln!(out)?;
    Ok(())
}

fn shown(metric: &str, value: f64) -> String {
    match metric {
        "n" | "p_correct.labels" => value.to_string(),
        metric if metric.ends_with(".samples") => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}
