//! Medians and ratios.

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Seconds.
    pub(super) wall: f64,
    /// Seconds of all threads, in user and system mode.
    pub(super) cpu: f64,
    /// Peak resident memory in MB.
    pub(super) rss: f64,
}

/// All samples of one program.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) samples: Vec<Sample>,
}

/// A table in Markdown. The first row is what the others are compared with, pair by pair within a round.
pub(super) fn print(title: &str, rows: &[Row]) {
    println!("\n### {title}\n");
    println!("| program | wall s, median (min-max) | CPU s | peak RSS MB | wall / that of the first, median of pairs |");
    println!("|---|---|---|---|---|");
    let Some(first) = rows.first() else { return };
    for row in rows {
        let wall: Vec<f64> = row.samples.iter().map(|s| s.wall).collect();
        let ratios: Vec<f64> = row.samples.iter().zip(&first.samples).map(|(its, first)| its.wall / first.wall).collect();
        let (low, high) = (wall.iter().copied().fold(f64::INFINITY, f64::min), wall.iter().copied().fold(0.0, f64::max));
        println!(
            "| {} | {:.2} ({low:.2}-{high:.2}) | {:.2} | {:.0} | {:.2} |",
            row.name,
            median(&wall),
            median(&row.samples.iter().map(|s| s.cpu).collect::<Vec<_>>()),
            median(&row.samples.iter().map(|s| s.rss).collect::<Vec<_>>()),
            median(&ratios),
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (Some(high), 0) => sorted.get(middle.wrapping_sub(1)).map_or(*high, |low| (low + high) / 2.0),
        (Some(value), _) => *value,
        (None, _) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn median_of_even_and_odd() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
