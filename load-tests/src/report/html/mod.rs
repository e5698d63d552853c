//! A report as a page: one file that needs no network.

mod charts;
mod tiles;
mod timeline;

use askama::Template;

use self::{
    charts::Charts,
    tiles::{Check, Tile},
    timeline::Timeline,
};
use super::{
    model::{Misplaced, Report},
    rows::{self, FIGURES, MEMORY, OperationRow, StepRow, TierRow},
    units, words,
};

const UPLOT_JS: &str = include_str!("../../../assets/uplot/uPlot.iife.min.js");
const UPLOT_CSS: &str = include_str!("../../../assets/uplot/uPlot.min.css");
const CSS: &str = include_str!("../../../templates/report.css");
const JS: &str = include_str!("../../../templates/report.js");

/// The whole page.
///
/// # Errors
///
/// When the template cannot be filled in, which no report makes happen.
pub fn render(report: &Report) -> askama::Result<String> {
    let started_at = report.started_at;
    let (tiles, checks) = tiles::of(&report.verdicts);
    let page = Page {
        report,
        uplot_js: UPLOT_JS,
        uplot_css: UPLOT_CSS,
        css: CSS,
        js: JS,
        duration: units::duration(report.duration_s),
        started_at: units::moment(started_at),
        started_at_iso: started_at.to_rfc3339(),
        found: words::found(report),
        promises: words::promises(report),
        budgets: words::budgets(report),
        figures: tiles::figures(report),
        tiles,
        checks,
        faults: faults(report),
        tiers: rows::tiers(report),
        operations: rows::operations(report),
        memory: rows::memory(report),
        saturation: rows::saturation(&report.saturation),
        verification: rows::verification(&report.verification),
        misplaced: misplaced(report),
        timeline: Timeline::of(report),
        circumstances: words::circumstances(report),
        charts: Charts::of(report),
    };
    page.render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    uplot_js: &'static str,
    uplot_css: &'static str,
    css: &'static str,
    js: &'static str,
    duration: String,
    started_at: String,
    started_at_iso: String,
    found: Option<String>,
    promises: String,
    budgets: Option<String>,
    /// Name, value and a note of what is told first.
    figures: Vec<(&'static str, String, String)>,
    tiles: Vec<Tile>,
    checks: Vec<Check>,
    faults: Vec<Fault>,
    tiers: Vec<(&'a str, Vec<TierRow>)>,
    operations: Vec<OperationRow>,
    memory: Vec<(String, [String; 3])>,
    saturation: Vec<StepRow>,
    verification: Vec<(String, String, bool)>,
    misplaced: Vec<(&'static str, &'a [Misplaced])>,
    timeline: Timeline,
    circumstances: Vec<(&'static str, String)>,
    charts: Charts<'a>,
}

struct Fault {
    letter: String,
    what: String,
    span: String,
}

fn faults(report: &Report) -> Vec<Fault> {
    let faults = report.faults.iter().enumerate();
    let faults = faults.map(|(at, fault)| Fault {
        letter: letter(at),
        what: fault.what.clone(),
        span: words::span(fault),
    });
    faults.collect()
}

/// What a fault is called in the charts: A to Z, then A1 to Z1, and so on.
fn letter(at: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(at % 26).unwrap_or(0));
    match at / 26 {
        0 => letter.into(),
        round => format!("{letter}{round}"),
    }
}

fn misplaced(report: &Report) -> Vec<(&'static str, &[Misplaced])> {
    let found = &report.verification;
    let all = [
        ("missing on a page", found.missing.as_slice()),
        ("more than once on a page", &found.doubled),
        ("where they do not belong", &found.strange),
    ];
    let some = all.into_iter().filter(|(_, posts)| !posts.is_empty());
    some.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{sample, sample_of_saturate};

    /// The page without its style sheets, scripts and data.
    fn static_part(page: &str) -> String {
        let mut kept = String::new();
        let mut rest = page;
        for (opening, closing) in [
            ("<style>", "</style>"),
            ("<style>", "</style>"),
            ("id=\"data\">", "</script>"),
            ("<script>", "</script>"),
            ("<script>", "</script>"),
        ] {
            let (before, behind) = rest.split_once(opening).unwrap();
            let (_, after) = behind.split_once(closing).unwrap();
            kept.extend([before, opening, "…", closing]);
            rest = after;
        }
        kept + rest
    }

    fn data(page: &str) -> serde_json::Value {
        let (_, data) = page.split_once("id=\"data\">").unwrap();
        let (data, _) = data.split_once("</script>").unwrap();
        serde_json::from_str(data).unwrap()
    }

    #[test]
    fn the_page_tells_everything_without_its_charts() {
        let page = render(&sample()).unwrap();
        insta::assert_snapshot!(static_part(&page));
    }

    #[test]
    fn a_search_shows_its_steps_and_what_it_found() {
        let page = static_part(&render(&sample_of_saturate()).unwrap());
        assert!(page.contains("The highest rate that keeps all promises is 2,500 posts a second."));
        assert!(page.contains("followers see a post, the slowest: 14 s"));
    }

    #[test]
    fn the_charts_have_a_value_for_each_second_and_none_where_none_was_measured() {
        let data = data(&render(&sample()).unwrap());
        assert_eq!(data["at_s"].as_array().unwrap().len(), 60);
        let author = &data["latencies"][0];
        assert_eq!(author["title"], "Author");
        for figure in ["p50", "p99", "max"] {
            assert_eq!(author[figure].as_array().unwrap().len(), 60);
            assert!(author[figure][21].is_null(), "nobody answered");
            assert!(author[figure][30].is_number());
        }
        assert_eq!(data["bad_in_all"][21], 1_350);
        assert_eq!(data["faults"][1]["letter"], "B");
    }

    #[test]
    fn names_cannot_become_part_of_the_page() {
        let evil = "</script><script>alert(1)</script><!--\" onload='x'&amp;";
        let mut report = sample();
        report.scenario = evil.into();
        report.description = evil.into();
        report.target.store = evil.into();
        report.target.command_lines = vec![evil.into()];
        report.target.versions.insert(evil.into(), evil.into());
        report.machine.processor = evil.into();
        report.operations[0].name = evil.into();
        report.operations[0].bad.insert(evil.into(), 1);
        report.tiers[0].tier = evil.into();
        report.tiers[1].seen_by = evil.into();
        report.faults[0].what = evil.into();
        report.verdicts[0].what = evil.into();
        report.verdicts[0].unit = evil.into();
        report.verification.missing[0].page = evil.into();
        report.seconds[0].good.insert(evil.into(), 1);
        report.seconds[0].p50.insert(evil.into(), 1);
        report.seconds[0].backlog.insert(evil.into(), 1);
        let page = render(&report).unwrap();
        let safe = render(&sample()).unwrap();
        for piece in ["<script", "</script", "<!--", "onload='"] {
            let times = |page: &str| page.matches(piece).count();
            assert_eq!(times(&page), times(&safe), "{piece}");
        }
        let data = data(&page);
        assert_eq!(data["curves"][0]["tier"], evil, "the data is whole");
    }

    #[test]
    fn nothing_is_fetched() {
        let page = render(&sample()).unwrap();
        for piece in [" src=", "@import", "url(", "fetch(", "XMLHttpRequest"] {
            assert!(!page.contains(piece), "{piece}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn a_report_without_figures_is_a_page_too() {
        let mut report = sample();
        report.operations.clear();
        report.tiers.clear();
        report.seconds.clear();
        report.faults.clear();
        report.verdicts.clear();
        report.target.versions.clear();
        let page = render(&report).unwrap();
        assert!(page.contains("No promise was put to the test."));
    }

    #[test]
    fn faults_have_letters_without_end() {
        insta::assert_snapshot!([0, 25, 26, 53].map(letter).join(" "), @"A Z A1 B2");
    }
}
