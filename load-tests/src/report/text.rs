//! Text for the terminal, section by section.

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle,
};

use super::style::{Style, Tone};

/// Columns, parted by space, under a line.
const LOOK: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// On fewer columns than these, the space between a table's columns is halved.
const NARROW: u16 = 100;

/// Text that grows by sections.
pub(super) struct Text {
    pub(super) style: Style,
    pub(super) written: String,
}

impl Text {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            written: String::new(),
        }
    }

    pub(super) fn blank(&mut self) {
        self.written.push('\n');
    }

    pub(super) fn line(&mut self, line: &str) {
        self.written.push_str(line.trim_end());
        self.written.push('\n');
    }

    pub(super) fn heading(&mut self, heading: &str) {
        self.blank();
        let heading = self.style.paint(Tone::Heading, heading);
        self.line(&heading);
    }

    /// A table in which some columns are numbers.
    pub(super) fn table<const N: usize>(
        &mut self,
        header: [&str; N],
        numbers: std::ops::Range<usize>,
        rows: impl IntoIterator<Item = [String; N]>,
    ) {
        let mut table = self.empty_table(LOOK);
        table.set_header(header.map(|name| self.style.paint(Tone::Quiet, name)));
        table.add_rows(rows);
        if self.style.width < NARROW {
            let columns = table.column_iter_mut();
            columns.for_each(|column| _ = column.set_padding((1, 0)));
        }
        for at in numbers {
            if let Some(column) = table.column_mut(at) {
                column.set_cell_alignment(CellAlignment::Right);
                // Text breaks where a line is too long; a number does not.
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        self.lines(&table);
    }

    /// Names, each with what belongs to it.
    pub(super) fn pairs<'a>(&mut self, pairs: impl IntoIterator<Item = (&'a str, String)>) {
        let mut table = self.empty_table(TableStyle::new());
        for (name, text) in pairs {
            table.add_row([self.style.paint(Tone::Quiet, name), text]);
        }
        self.lines(&table);
    }

    fn empty_table(&self, look: TableStyle) -> Table {
        let mut table = Table::new();
        table
            .load_style(look)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.style.width);
        table
    }

    fn lines(&mut self, table: &Table) {
        for line in table.lines() {
            self.line(&line);
        }
    }
}
