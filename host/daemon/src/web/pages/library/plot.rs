//! Plots that the server draws, in the colours of the page.

use charts_rs::{BarChart, svg_with_accessibility};
use maud::{Markup, PreEscaped, html};

/// The colours of the library's plain theme, and what stands for each here: the page may be light or dark.
const COLOURS: [(&str, &str); 5] = [
    ("#FFFFFF", "none"),
    ("#6E7079", "var(--muted)"),
    ("#E0E6F2", "var(--line)"),
    ("#464646", "var(--muted)"),
    ("#5470C6", "var(--accent)"),
];
/// The size of a plot, before the page scales it.
const SIZE: (f32, f32) = (720.0, 240.0);
/// Labels that have room below a plot.
const MAX_LABELS: usize = 8;
/// The side of a cell of a heat map.
const CELL: usize = 20;

/// Bars, with the table that says the same. `csv` is the address of the numbers.
pub(super) fn bars(name: &str, columns: (&str, &str), rows: &[(String, u32)], csv: &str) -> Markup {
    let svg = draw(name, rows);
    html! {
        figure.card.padded.plot {
            figcaption.strong { (name) }
            @if let Some(svg) = svg { (PreEscaped(svg)) }
            details {
                summary.small { "As a table" }
                table.small {
                    thead { tr { th scope="col" { (columns.0) } th scope="col" { (columns.1) } } }
                    tbody { @for (label, count) in rows { tr { th scope="row" { (label) } td { (count) } } } }
                }
            }
            a.small href=(csv) { "CSV" }
        }
    }
}

/// The picture; absent where it cannot be drawn: the table says the same.
fn draw(name: &str, rows: &[(String, u32)]) -> Option<String> {
    // Counts are far below the numbers that a float keeps exactly.
    let counts = rows.iter().map(|(_, count)| *count as f32).collect::<Vec<f32>>();
    // Labels that have no room would be written over each other.
    let step = rows.len().div_ceil(MAX_LABELS).max(1);
    let label =
        |place: usize, text: &String| if place.is_multiple_of(step) { text.clone() } else { String::new() };
    let labels = rows.iter().enumerate().map(|(place, (text, _))| label(place, text)).collect();
    let mut chart = BarChart::new(vec![(name, counts).into()], labels);
    (chart.width, chart.height) = SIZE;
    chart.legend.show = Some(false);
    let svg = chart.svg().inspect_err(|error| tracing::warn!("a plot cannot be drawn: {error}")).ok()?;
    let svg = COLOURS.iter().fold(svg, |svg, (theirs, ours)| svg.replace(theirs, ours));
    Some(svg_with_accessibility(&svg, name, ""))
}

/// A cell for each day of the week and hour, the fuller the more there was.
pub(super) fn heat_map(name: &str, days: [&str; 7], week: &[[u32; 24]; 7]) -> Markup {
    let most = week.iter().flatten().copied().max().unwrap_or(0).max(1);
    let (width, height) = (24 * CELL + 48, 7 * CELL + 24);
    html! {
        figure.card.padded.plot {
            figcaption.strong { (name) }
            svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(name) {
                @for (day, hours) in week.iter().enumerate() {
                    text x="0" y=(day * CELL + 14) fill="var(--muted)" font-size="11" { (days[day]) }
                    @for (hour, count) in hours.iter().enumerate() {
                        rect x=(hour * CELL + 44) y=(day * CELL) width=(CELL - 2) height=(CELL - 2) rx="3"
                            fill=(if *count == 0 { "var(--sunken)" } else { "var(--accent)" })
                            fill-opacity=(format!("{:.2}", opacity(*count, most))) {
                            title { (days[day]) " " (hour) ":00: " (count) }
                        }
                    }
                }
                @for hour in (0..24).step_by(6) {
                    text x=(hour * CELL + 44) y=(7 * CELL + 14) fill="var(--muted)" font-size="11" { (hour) ":00" }
                }
            }
            details {
                summary.small { "As a table" }
                div.scroll { table.small {
                    thead { tr { th scope="col" { "Hour" } @for day in days { th scope="col" { (day) } } } }
                    tbody { @for hour in 0..24 { tr { th scope="row" { (hour) ":00" } @for day in week { td { (day[hour]) } } } } }
                } }
            }
        }
    }
}

/// How full a cell is: what happened once can be told from what never did.
fn opacity(count: u32, most: u32) -> f64 {
    if count == 0 { 1.0 } else { 0.2 + 0.8 * f64::from(count) / f64::from(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_the_colours_of_the_page_and_no_style_of_its_own() {
        let rows: Vec<(String, u32)> = (0..36).map(|month| (format!("m{month}"), month)).collect();
        let svg = draw("Plays by month", &rows).unwrap();
        assert!(svg.contains("var(--accent)") && svg.contains("<title>Plays by month</title>"), "{svg}");
        assert!(
            !svg.contains("<style") && !svg.contains(" style="),
            "the policy of the page allows no style inside"
        );
        assert!(!svg.contains("=\"#"), "a colour that the page does not know: {svg}");
        let labels: Vec<&str> = svg.lines().filter(|line| line.starts_with('m')).collect();
        assert_eq!(labels, ["m0", "m5", "m10", "m15", "m20", "m25", "m30", "m35"]);
    }
}
