//! Figures as people read them: three digits, and the unit that makes them short.

use bytesize::ByteSize;
use chrono::{DateTime, Utc};

/// A space at which no line is broken.
const JOINED: char = '\u{a0}';

/// A latency in microseconds, with as many digits as others in its column.
pub(crate) fn latency(micros: u64) -> String {
    in_its_unit(as_f64(micros), |value| match value {
        ..9.995 => format!("{value:.2}"),
        9.995..99.95 => format!("{value:.1}"),
        _ => count(rounded(value)),
    })
}

/// A latency in microseconds that stands in a text: without zeros that say nothing.
fn latency_alone(micros: f64) -> String {
    in_its_unit(micros, |value| match value {
        ..9.995 => shortest(value, 2),
        9.995..99.95 => shortest(value, 1),
        _ => count(rounded(value)),
    })
}

fn in_its_unit(micros: f64, write: impl Fn(f64) -> String) -> String {
    // A clock does not tell parts of a microsecond.
    if micros < 999.5 {
        format!("{micros:.0}{JOINED}µs")
    } else if micros < 999_500.0 {
        format!("{}{JOINED}ms", write(micros / 1_000.0))
    } else {
        format!("{}{JOINED}s", write(micros / 1_000_000.0))
    }
}

/// A difference of two latencies in microseconds, with its sign.
pub(crate) fn difference(micros: i64) -> String {
    let sign = if micros < 0 { '−' } else { '+' };
    format!("{sign}{}", latency(micros.unsigned_abs()))
}

/// A count, in groups of three digits.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A rate, a second.
pub(crate) fn rate(per_s: f64) -> String {
    format!("{}/s", number(per_s))
}

/// A size in bytes, in the powers of two in which memory is sold.
pub(crate) fn bytes(bytes: u64) -> String {
    joined(&ByteSize(bytes).display().iec().to_string())
}

/// A duration in seconds.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = rounded(seconds);
    if seconds < 1.0 {
        return latency_alone(seconds * 1_000_000.0);
    }
    match whole {
        ..120 => format!("{}{JOINED}s", shortest(seconds, 1)),
        120..7_200 => format!("{}{JOINED}min {}{JOINED}s", whole / 60, whole % 60),
        7_200.. => format!("{}{JOINED}h {}{JOINED}min", whole / 3_600, whole / 60 % 60),
    }
}

/// A moment.
pub(crate) fn moment(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A share of a whole.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".into();
    }
    let share = as_f64(part) / as_f64(whole) * 100.0;
    // What is not all does not read as all.
    let share = if part < whole {
        share.min(99.99)
    } else {
        share
    };
    format!("{}{JOINED}%", shortest(share, 2))
}

/// A figure with one of the units that limits have.
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "ms" => latency_alone(value * 1_000.0),
        "s" => duration(value),
        "B" if value < 1_000.0 => format!("{}{JOINED}B", number(value)),
        "B" => joined(&ByteSize(rounded(value)).display().si().to_string()),
        "/s" => rate(value),
        _ if value == 1.0 => format!("1{JOINED}{}", unit.strip_suffix('s').unwrap_or(unit)),
        _ => format!("{}{JOINED}{unit}", number(value)),
    }
}

/// A number with a tenth where it is small and not whole.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 100.0 && value.fract() != 0.0 {
        return shortest(value, 1);
    }
    count(rounded(value))
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "to be shown in three digits")]
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "negative figures and those beyond all measure are shown as the nearest"
)]
pub(crate) fn rounded(value: f64) -> u64 {
    value.round() as u64
}

fn joined(text: &str) -> String {
    text.replace(' ', &JOINED.to_string())
}

fn shortest(value: f64, digits: usize) -> String {
    let written = format!("{value:.digits$}");
    let without = written.trim_end_matches('0').trim_end_matches('.');
    if written.contains('.') {
        without.into()
    } else {
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(figures: impl IntoIterator<Item = String>) -> String {
        let figures: Vec<_> = figures.into_iter().collect();
        figures.join(" | ").replace(JOINED, " ")
    }

    #[test]
    fn latencies_have_three_digits_and_the_unit_that_makes_them_short() {
        let small = [
            0, 7, 999, 1_000, 1_234, 9_996, 12_345, 99_960, 500_000, 999_499,
        ];
        insta::assert_snapshot!(
            shown(small.map(latency)),
            @"0 µs | 7 µs | 999 µs | 1.00 ms | 1.23 ms | 10.0 ms | 12.3 ms | 100 ms | 500 ms | 999 ms"
        );
        let large = [999_500, 1_000_000, 10_000_000, 123_456_789, 5_000_000_000];
        insta::assert_snapshot!(
            shown(large.map(latency)),
            @"1.00 s | 1.00 s | 10.0 s | 123 s | 5,000 s"
        );
        let differences = [difference(1_500), difference(-1_500)];
        insta::assert_snapshot!(shown(differences), @"+1.50 ms | −1.50 ms");
    }

    #[test]
    fn limits_have_no_zeros_that_say_nothing() {
        let limits = [
            with_unit(500.0, "ms"),
            with_unit(10_000.0, "ms"),
            with_unit(0.25, "ms"),
            with_unit(2.5, "s"),
            with_unit(64.0, "MB"),
            with_unit(1_500_000.0, "B"),
            with_unit(1_500.0, "/s"),
            with_unit(0.0, "posts"),
            with_unit(1.0, "posts"),
        ];
        insta::assert_snapshot!(
            shown(limits),
            @"500 ms | 10 s | 250 µs | 2.5 s | 64 MB | 1.5 MB | 1,500/s | 0 posts | 1 post"
        );
    }

    #[test]
    fn other_figures_read_well() {
        let counts = [0, 12, 999, 1_000, 1_234_567];
        insta::assert_snapshot!(shown(counts.map(count)), @"0 | 12 | 999 | 1,000 | 1,234,567");
        let durations = [0.25, 1.0, 61.5, 150.0, 9_000.0];
        insta::assert_snapshot!(
            shown(durations.map(duration)),
            @"250 ms | 1 s | 61.5 s | 2 min 30 s | 2 h 30 min"
        );
        let sizes = [512, 1 << 20, 8_321_499_136];
        insta::assert_snapshot!(shown(sizes.map(bytes)), @"512 B | 1.0 MiB | 7.8 GiB");
        let shares = [(1, 3), (99_999, 100_000), (5, 5), (0, 0)];
        let shares = shares.map(|(part, whole)| share(part, whole));
        insta::assert_snapshot!(shown(shares), @"33.33 % | 99.99 % | 100 % | –");
    }
}
