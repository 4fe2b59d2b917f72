//! `idinit models`: the networks that can be asked for by name.

use crate::failure::Failure;
use crate::network::{self, Network};
use crate::report::decimal;
use clap::Args;
use idinit::model::catalog::{self, Chosen, Entry, Habits};
use serde_json::{Value, json};
use std::io::Write;

/// List the networks that can be trained: what each is, what can be chosen about it, how many numbers
/// it learns, and the settings that it is trained with.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit models
  idinit models resnet     what can be chosen about it, in words
  idinit models --json")]
pub struct Models {
    /// Only this one, and what each of its options means
    #[arg(value_parser = network::models())]
    model: Option<&'static Entry>,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
}

impl Models {
    pub fn run(self) -> Result<(), Failure> {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for entry in catalog::ALL {
            if self.model.is_some_and(|model| model.name != entry.name) {
                continue;
            }
            let network = Network::plain(entry)?;
            if self.json {
                writeln!(out, "{}", line(&network))?;
                continue;
            }
            write!(out, "{}", text(&network))?;
            if self.model.is_some() {
                for (setting, chosen) in network.options.iter() {
                    let Entry { name, .. } = entry;
                    let option = format!("--{}", setting.name);
                    writeln!(out, "\n{option:<14}{}", setting.about)?;
                    writeln!(out, "{:<14}{}; {name} has {chosen}", "", setting.wants())?;
                }
            }
        }
        Ok(out.flush()?)
    }
}

/// An entry as an object.
fn line(network: &Network) -> Value {
    let Entry { name, about, habits, .. } = network.entry;
    let Habits { data, epochs, batch, rate, schedule, warm_up, .. } = habits;
    let Habits { update, momentum, decay, smoothing, augment, .. } = habits;
    json!({
        "model": name, "about": about, "sizes": network.sizes,
        "layers": network.model.nodes().len(), "parameters": network.model.parameters(),
        "data": data, "epochs": epochs, "batch": batch, "rate": decimal(*rate),
        "schedule": schedule, "warm_up_epochs": warm_up, "update": update,
        "momentum": decimal(*momentum), "decay": decimal(*decay),
        "smoothing": decimal(*smoothing), "augment": augment,
    })
}

/// An entry for people: what it is, what can be chosen about it, and how it is trained.
fn text(network: &Network) -> String {
    let Entry { name, about, habits, .. } = network.entry;
    let options = network.options.iter().map(|(setting, chosen)| match chosen {
        Chosen::Flag(_) => format!("[--{}]", setting.name),
        chosen => format!("--{} {chosen}", setting.name),
    });
    let Habits { data, epochs, batch, rate, schedule, warm_up, update, .. } = *habits;
    let Habits { momentum, decay, smoothing, augment, .. } = *habits;
    let mut training = vec![format!("{data}: {epochs} epochs")];
    if warm_up > 0 {
        training.push(format!("{warm_up} of warm-up"));
    }
    training.extend([format!("batch {batch}"), update.to_string()]);
    if momentum > 0.0 {
        training.push(format!("momentum {momentum}"));
    }
    training.extend([format!("rate {rate} {schedule}"), format!("decay {decay}")]);
    if smoothing > 0.0 {
        training.push(format!("smoothing {smoothing}"));
    }
    training.extend(augment.iter().map(|how| how.to_string()));
    let last = training.len() - 1;
    training[..last].iter_mut().for_each(|phrase| phrase.push(','));
    let parameters = grouped(network.model.parameters());
    let what = [format!("{about};"), format!("{parameters} parameters")];
    filled(name, what) + &filled("", options) + &filled("", training)
}

/// Words in lines of at most 100 characters behind a name; no line, if there are none.
fn filled(name: &str, words: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for word in words {
        if line.chars().count() + 1 + word.chars().count() > 100 {
            text += &line;
            text.push('\n');
            line.clear();
        }
        line = match line.as_str() {
            "" if text.is_empty() => format!("{name:<14}{word}"),
            "" => format!("{:<14}{word}", ""),
            line => format!("{line} {word}"),
        };
    }
    if !line.is_empty() {
        text += &line;
        text.push('\n');
    }
    text
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
