//! The prices that come with this crate.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use orch_core::Usd;

use super::ServiceTier;
use super::book::{Below, PriceBook};
use super::date::Day;
use super::history::History;
use super::price::{Other, Price};
use super::rates::Rates;

static BUNDLED: LazyLock<Bundled> =
    LazyLock::new(|| Bundled::read(include_str!("default.csv")).expect("the file of this crate is tested"));

impl PriceBook {
    /// The prices of over 200 models of eight vendors, as they were on the day that
    /// [`bundled_on`](Self::bundled_on) tells: Anthropic, Cohere, Google, Groq, Mistral, Moonshot, OpenAI, xAI.
    ///
    /// They cover tokens of text: input, cache, output, by the size of the input and the tier of the call. What a
    /// vendor charges beside them, such as searches and sound, is not in them. A name has a price if it is one of
    /// the vendor's exact names, or such a name with a date after it (`-20251001`, `-2025-10-01`, `@20251001`) where
    /// all snapshots of the model cost the same. A name that two vendors sell at different prices has none: take the
    /// book of the one in question, [`bundled_at`](Self::bundled_at).
    ///
    /// The wires use the vendor's own prices by themselves where they speak to the vendor's own host and no
    /// prices were given; give them this book for a gateway that passes calls on at the vendors' prices.
    ///
    /// The data is that of [genai-prices](https://github.com/pydantic/genai-prices) (MIT).
    pub fn bundled() -> Self {
        Self::over(Below::Bundled(None))
    }

    /// The bundled prices of the vendor whose own API is at this host, such as `api.openai.com`; `None` for any
    /// other host, since nobody knows what it charges.
    #[must_use]
    pub fn bundled_at(host: &str) -> Option<Self> {
        let vendor = BUNDLED.vendors.iter().find(|vendor| vendor.hosts.contains(&host))?;
        Some(Self::over(Below::Bundled(Some(vendor.name))))
    }

    /// The day of the bundled prices, such as `2026-11-20`; the oldest if they are from several.
    #[must_use]
    pub fn bundled_on() -> &'static str {
        BUNDLED.taken
    }
}

/// The price of a model on a day, at one vendor or at all that sell it.
pub(super) fn find(vendor: Option<&str>, model: &str, day: Day) -> Option<Price> {
    let asked = BUNDLED.vendors.iter().filter(|one| vendor.is_none_or(|vendor| one.name == vendor));
    let mut prices = asked.filter_map(|vendor| vendor.find(model)?.on(day));
    let first = prices.next()?;
    prices.all(|price| price == first).then(|| first.clone())
}

#[derive(Debug, Default)]
struct Bundled {
    vendors: Vec<Vendor>,
    taken: &'static str,
}

#[derive(Debug)]
struct Vendor {
    name: &'static str,
    hosts: Vec<&'static str>,
    models: HashMap<&'static str, Named>,
}

/// What a name means.
#[derive(Debug)]
struct Named {
    /// Whether a date may follow the name.
    dated: bool,
    prices: Arc<History>,
}

impl Vendor {
    fn find(&self, model: &str) -> Option<&History> {
        let named = self.models.get(model);
        let named = named.or_else(|| self.models.get(without_date(model)?).filter(|named| named.dated))?;
        Some(&named.prices)
    }
}

/// The name before a date at its end.
fn without_date(name: &str) -> Option<&str> {
    ["-########", "-####-##-##", "@########"].into_iter().find_map(|form| {
        let (before, date) = name.split_at_checked(name.len().checked_sub(form.len())?)?;
        let fits = |(byte, form)| if form == b'#' { u8::is_ascii_digit(&byte) } else { byte == form };
        date.bytes().zip(form.bytes()).all(fits).then_some(before)
    })
}

/// One line: the rates of a model from a day on, in a tier, for calls with more input tokens than a number.
struct Line {
    since: Day,
    tier: ServiceTier,
    above: u64,
    rates: Rates,
}

impl Bundled {
    fn read(text: &'static str) -> Result<Self, String> {
        let mut book = Self::default();
        let mut lines = text.lines().filter(|line| !line.starts_with('#')).peekable();
        while let Some(line) = lines.next() {
            if let Some(vendor) = line.strip_prefix("vendor ") {
                book.vendors.push(Vendor::read(vendor));
                continue;
            }
            let mut model = vec![line];
            model.extend(std::iter::from_fn(|| lines.next_if(|line| line.starts_with(','))));
            book.add(&model).map_err(|what| format!("{what} in `{line}`"))?;
        }
        Ok(book)
    }

    /// A model: the first line has its names.
    fn add(&mut self, text: &[&'static str]) -> Result<(), String> {
        let mut names = "";
        let mut lines = Vec::new();
        for line in text {
            let [first, since, taken, rest @ ..] = &line.split(',').collect::<Vec<_>>()[..] else {
                return Err("too few fields".to_owned());
            };
            names = if first.is_empty() { names } else { first };
            Day::parse(taken).filter(|_| !taken.is_empty()).ok_or("no day")?;
            self.taken = if self.taken.is_empty() { taken } else { self.taken.min(taken) };
            lines.push(Line::read(since, rest).ok_or("a wrong field")?);
        }
        let prices = Arc::new(history(&lines));
        let models = &mut self.vendors.last_mut().ok_or("no vendor")?.models;
        for name in names.split(' ') {
            let (name, dated) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
            let known = models.insert(name, Named { dated, prices: Arc::clone(&prices) });
            known.map_or(Ok(()), |_| Err(format!("a second `{name}`")))?;
        }
        Ok(())
    }
}

impl Vendor {
    fn read(line: &'static str) -> Self {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        Self { name, hosts: words.collect(), models: HashMap::new() }
    }
}

impl Line {
    fn read(since: &str, rest: &[&str]) -> Option<Self> {
        let &[tier, above, input, cached, write, write_1h, output] = rest else { return None };
        let rate = |text: &str, default: Usd| if text.is_empty() { Some(default) } else { nanos(text) };
        let input = nanos(input)?;
        let cache_write = rate(write, input)?;
        Some(Self {
            since: Day::parse(since)?,
            tier: Some(ServiceTier::of(tier)).filter(|tier| *tier != ServiceTier::Unknown)?,
            above: if above.is_empty() { 0 } else { above.parse().ok()? },
            rates: Rates {
                input,
                cached_input: rate(cached, input)?,
                cache_write,
                cache_write_1h: rate(write_1h, cache_write)?,
                output: rate(output, Usd::ZERO)?,
            },
        })
    }
}

/// Dollars with at most nine decimals, exactly.
fn nanos(text: &str) -> Option<Usd> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then_some(());
    digits(whole).and_then(|()| digits(decimals)).filter(|()| decimals.len() <= 9)?;
    let whole: u64 = whole.parse().ok()?;
    let decimals: u64 = format!("{decimals:0<9}").parse().ok()?;
    Some(Usd::from_nanos(whole.checked_mul(1_000_000_000)?.checked_add(decimals)?))
}

/// A model's price from each day on at which some of its rates change.
fn history(lines: &[Line]) -> History {
    let days: BTreeSet<Day> = lines.iter().map(|line| line.since).collect();
    let mut history = History::default();
    for day in days {
        if let Some(price) = on(lines, day) {
            history.set(day, price);
        }
    }
    history
}

/// The latest lines of a tier replace all earlier ones of it.
fn on(lines: &[Line], day: Day) -> Option<Price> {
    let newest = |tier| lines.iter().filter(|line| line.tier == tier && line.since <= day).map(|line| line.since).max();
    let valid: Vec<&Line> = lines.iter().filter(|line| Some(line.since) == newest(line.tier)).collect();
    let (usual, others): (Vec<_>, Vec<_>) =
        valid.into_iter().partition(|line| line.tier == ServiceTier::Standard && line.above == 0);
    let other = |line: &Line| Other { tier: line.tier, above: line.above, rates: line.rates };
    Some(Price::of(usual.first()?.rates).with_others(others.into_iter().map(other)))
}

#[cfg(test)]
mod tests;
