//! How wide and how colourful the terminal is.

use console::Term;

/// The width of what is written to a file.
const WIDTH_OF_FILES: u16 = 110;

/// How a report is shown on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns.
    pub width: u16,
    /// Whether good and bad have colours; both have words beside them in any case.
    pub colour: bool,
}

/// What a piece of text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Heading,
    Good,
    Bad,
    /// Worth a look, and no failure.
    Odd,
    Quiet,
}

impl Style {
    /// What standard output is: without colours where it is no terminal or `NO_COLOR` is set.
    pub fn of_stdout() -> Self {
        let terminal = Term::stdout();
        let width = terminal.size_checked().map(|(_, columns)| columns);
        Self {
            width: width.unwrap_or(WIDTH_OF_FILES),
            colour: console::colors_enabled(),
        }
    }

    pub(crate) fn paint(self, tone: Tone, text: impl Into<String>) -> String {
        let text = text.into();
        if text.is_empty() {
            return text;
        }
        let style = console::Style::new().force_styling(self.colour);
        let style = match tone {
            Tone::Heading => style.bold(),
            Tone::Good => style.green(),
            Tone::Bad => style.red().bold(),
            Tone::Odd => style.yellow(),
            Tone::Quiet => style.dim(),
        };
        style.apply_to(text).to_string()
    }
}
