//! `addax optical attack`: clients and servers that cheat, what they learn, and who is caught.

use std::path::{Path, PathBuf};

use addax::protocol::optical::adversary::{Adversary, Arena, Outcome};
use addax::protocol::optical::{Conditions, LayerLeak};
use anyhow::{Context, Result, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::run::bits;
use super::{
    CheckArgs, DISCLAIMER, ModelArgs, SeedArgs, SettingArgs, VariantArgs, chart, chart_path,
};
use crate::cli::output::{Report, plural, table};
use crate::cli::progress;

/// Queries that the budget holds if it is not given.
const QUERIES: f64 = 12.0;
/// One session of who repeats queries for so many of the others: each is of many queries.
const REPEATED: usize = 20;

/// Fractions of a split that are drawn.
const FRACTIONS: [f64; 12] = [
    0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.05,
];
/// Those of them that get a curve of their own.
const CURVES: [f64; 4] = [0.001, 0.002, 0.005, 0.01];

/// Arguments of `addax optical attack`.
#[derive(Args)]
pub struct AttackArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    setting: SettingArgs,
    #[command(flatten)]
    variant: VariantArgs,
    /// Who cheats, and how; all in turn if not given
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Adversary::ALL.map(Adversary::name)))]
    adversary: Option<String>,
    /// The fraction of the light that `split` keeps
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.01,
        allow_negative_numbers = true
    )]
    fraction: f64,
    /// Sessions of each adversary
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    trials: u32,
    #[command(flatten)]
    check: CheckArgs,
    /// Bits that all queries of a client together may tell of each weight [default: what twelve honest queries tell]
    #[arg(long, value_name = "BITS", allow_negative_numbers = true)]
    budget_bits: Option<f64>,
    /// The layer with weights that is attacked, counted from 0
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    layer: usize,
    /// Draw detection against false alarms, and against the fraction of a split
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    seed: SeedArgs,
}

/// One adversary.
#[derive(Clone, Serialize)]
pub struct AttackRow {
    adversary: &'static str,
    trials: usize,
    false_alarm: f64,
    /// The share of sessions that the honest party stopped, by its check or its budget.
    detection: f64,
    caught: f64,
    out_of_budget: f64,
    /// Of a session, on average.
    queries: f64,
    information_bits: f64,
    bound_bits: f64,
    /// Whose bound that is.
    bound_of: &'static str,
    transmittance: Option<f64>,
    excess: Option<f64>,
}

/// One adversary's row as it is, or all.
#[derive(Serialize)]
#[serde(untagged)]
enum Rows {
    One(AttackRow),
    All { attacks: Vec<AttackRow> },
}

/// What the attacks came to.
#[derive(Serialize)]
pub struct AttackReport {
    simulation: bool,
    model: String,
    /// The layer that is attacked.
    layer: String,
    photons: f64,
    gain: f64,
    loss_db: f64,
    excess_noise: f64,
    variant: &'static str,
    budget_bits: f64,
    #[serde(flatten)]
    rows: Rows,
    /// Of a split, rising fraction; empty if not drawn.
    split: Vec<SplitPoint>,
    plot: Option<PathBuf>,
    seed: u64,
}

/// How often a split is detected.
#[derive(Clone, Copy, Serialize)]
pub struct SplitPoint {
    pub fraction: f64,
    pub detection: f64,
}

/// Attacks.
///
/// # Errors
/// Models and settings that cannot be, a chart that cannot be written.
pub fn attack(args: &AttackArgs) -> Result<AttackReport> {
    let setting = args.setting.setting()?;
    let variant = args.variant.variant();
    ensure!(
        (0.0..=1.0).contains(&args.fraction),
        "--fraction is a share of the light, 0 to 1, not {}",
        args.fraction
    );
    if let Some(path) = &args.plot {
        chart_path(path)?;
    }
    let network = args.model.network()?;
    let attacked = network.public().matrices().nth(args.layer);
    let query = attacked.map_or(0.0, |shape| {
        LayerLeak::of(shape, variant, &setting).weight_an_image
    });
    let conditions = Conditions {
        setting,
        variant,
        false_alarm: args.check.false_alarm,
        // Half a query more, so that rounding takes none away.
        budget_bits: args.budget_bits.unwrap_or((QUERIES + 0.5) * query),
    };
    let arena = Arena::new(&network, args.layer, conditions)?;
    let seed = args.seed.seed()?;
    let trials = args.trials as usize;
    let one = args.adversary.as_deref().and_then(Adversary::from_name);
    let attackers: Vec<Adversary> = match one {
        Some(adversary) => vec![adversary],
        None => Adversary::ALL.to_vec(),
    };
    let mut rows = Vec::with_capacity(attackers.len());
    for adversary in attackers {
        let adversary = match adversary {
            Adversary::Split(_) => Adversary::Split(args.fraction),
            other => other,
        };
        let trials = match adversary {
            Adversary::Repeat => trials.div_ceil(REPEATED),
            _ => trials,
        };
        let bar = progress::bar(trials as u64, adversary.name());
        let outcome = arena.attack(adversary, trials, seed, || bar.inc(1))?;
        bar.finish_and_clear();
        rows.push(AttackRow::new(adversary, &outcome, args.check.false_alarm));
    }
    let split = match &args.plot {
        None => Vec::new(),
        Some(path) => draw(&arena, args, trials, seed, path)
            .with_context(|| format!("cannot draw {}", path.display()))?,
    };
    Ok(AttackReport {
        simulation: true,
        model: network.public().name.clone(),
        layer: arena.shape().name.clone(),
        photons: setting.photons(),
        gain: setting.gain(),
        loss_db: setting.loss_db(),
        excess_noise: setting.noise(),
        variant: variant.name(),
        budget_bits: conditions.budget_bits,
        rows: match (one, rows.first()) {
            (Some(_), Some(row)) => Rows::One(row.clone()),
            _ => Rows::All { attacks: rows },
        },
        split,
        plot: args.plot.clone(),
        seed,
    })
}

fn draw(
    arena: &Arena,
    args: &AttackArgs,
    trials: usize,
    seed: u64,
    path: &Path,
) -> Result<Vec<SplitPoint>> {
    let attacks = 3 + FRACTIONS.len();
    let bar = progress::bar((attacks * trials) as u64, "sessions for the chart");
    let p_values = |adversary| {
        let outcome = arena.attack(adversary, trials, seed.wrapping_add(1), || bar.inc(1))?;
        let mut p_values = outcome.p_values;
        p_values.sort_by(f64::total_cmp);
        anyhow::Ok(p_values)
    };
    let honest = p_values(Adversary::Honest)?;
    let mut curves = Vec::new();
    for adversary in [Adversary::Heterodyne, Adversary::InterceptResend] {
        curves.push((adversary.name().to_owned(), p_values(adversary)?));
    }
    let mut split = Vec::with_capacity(FRACTIONS.len());
    for fraction in FRACTIONS {
        let p_values = p_values(Adversary::Split(fraction))?;
        let detected = p_values.partition_point(|&p| p < args.check.false_alarm);
        split.push(SplitPoint {
            fraction,
            detection: detected as f64 / trials as f64,
        });
        if CURVES.contains(&fraction) {
            curves.push((format!("split {} %", fraction * 100.0), p_values));
        }
    }
    bar.finish_and_clear();
    chart::attack(
        path,
        &chart::Attack {
            layer: format!("{}, {}", arena.shape().name, plural(trials, "session")),
            false_alarm: args.check.false_alarm,
            honest: &honest,
            curves: &curves,
            split: &split,
        },
    )?;
    Ok(split)
}

impl AttackRow {
    fn new(adversary: Adversary, outcome: &Outcome, false_alarm: f64) -> Self {
        let share = |sessions: usize| sessions as f64 / outcome.trials as f64;
        Self {
            adversary: adversary.name(),
            trials: outcome.trials,
            false_alarm,
            detection: share(outcome.caught + outcome.exhausted),
            caught: share(outcome.caught),
            out_of_budget: share(outcome.exhausted),
            queries: outcome.queries,
            information_bits: outcome.information_bits,
            bound_bits: outcome.bound_bits,
            bound_of: outcome.bound_of,
            transmittance: outcome.observed.map(|(transmittance, _)| transmittance),
            excess: outcome.observed.map(|(_, excess)| excess),
        }
    }
}

impl Report for AttackReport {
    fn text(&self, width: usize) -> String {
        let rows: &[AttackRow] = match &self.rows {
            Rows::One(row) => std::slice::from_ref(row),
            Rows::All { attacks } => attacks,
        };
        let false_alarm = rows.first().map_or(0.0, |row| row.false_alarm);
        let number = |value: Option<f64>| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
        };
        let table_rows = rows.iter().map(|row| {
            let cheats = row.transmittance.is_none();
            let share = |share: f64| match cheats {
                true => "–".to_owned(),
                false => format!("{share:.3}"),
            };
            vec![
                row.adversary.to_owned(),
                share(row.caught),
                share(row.out_of_budget),
                format!("{:.0}", row.queries),
                bits(row.information_bits),
                bits(row.bound_bits),
                number(row.transmittance),
                number(row.excess),
            ]
        });
        let header = [
            "adversary",
            "caught",
            "budget",
            "queries",
            "learnt",
            "bound",
            "T",
            "ε",
        ];
        let mut text = format!(
            "{}, layer {}: μ = {:.3} photons a symbol, gain {}, loss {} dB, excess noise {} (seed {})\n\
             {} each, false alarms {false_alarm:e} a layer, budget {} bit a weight, bounds of {}\n{}\n",
            self.model,
            self.layer,
            self.photons,
            self.gain,
            self.loss_db,
            self.excess_noise,
            self.seed,
            plural(rows.first().map_or(0, |row| row.trials), "session"),
            bits(self.budget_bits),
            self.variant,
            table(width, 1, &header, table_rows.collect())
        );
        text += "caught, budget: the share of sessions that the server's check or its budget ended; a client has no check.\n\
                 learnt, bound: bits of a weight, or of a datum where the server cheats. The bound is that of the light\n\
                 that came back (T, ε: transmittance and excess noise that the server saw).\n";
        for row in rows.iter().filter(|row| row.bound_of != self.variant) {
            text += &format!(
                "The bound for {} is that of {}.\n",
                row.adversary, row.bound_of
            );
        }
        if !self.split.is_empty() {
            let rows = self.split.iter().map(|point| {
                vec![
                    format!("{} %", point.fraction * 100.0),
                    format!("{:.3}", point.detection),
                ]
            });
            let header = ["split keeps", "stopped"];
            text += &format!("{}\n", table(width, 0, &header, rows.collect()));
        }
        if let Some(path) = &self.plot {
            text += &format!("drawn: {}\n", path.display());
        }
        text + "\n" + DISCLAIMER
    }
}
